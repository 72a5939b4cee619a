"""What an operator can have a running gateway tell, and do: one module for each group of orders."""
