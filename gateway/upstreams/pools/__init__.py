"""Servers that answer for one another: which of them is asked next, which is spared, and how often one tries again."""
