"""The admin side: a process of its own that asks the engine, reads the log, and serves an API and pages."""
