"""Exporters: readers of the log that send its records on, at least once, each at its own pace."""
