"""Wicketgate: one policy decides, every engine enforces, every decision is written down."""
