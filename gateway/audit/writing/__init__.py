"""The writer of the log: accepted, numbered, written, synced, rotated, compressed, kept for as long as it should be."""
