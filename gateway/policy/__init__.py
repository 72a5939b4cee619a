"""The decision core: text in, decisions out. No I/O, no clock, no engine (import-linter holds the border)."""
