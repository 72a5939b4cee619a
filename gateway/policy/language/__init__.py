"""What people write: strict YAML with places, read into a document of values, with every problem told at once."""
