"""Kept answers on disk, beside those in memory: more of them, and over restarts."""
