"""Asking the gate: facts from what arrived, what is refused and with which words, and the records of it."""
