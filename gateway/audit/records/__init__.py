"""What a record says, and what it never says."""
