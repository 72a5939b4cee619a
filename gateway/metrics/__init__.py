"""What a gateway counts and measures: families, their values at a moment, several processes as one, the text."""
