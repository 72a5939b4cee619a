"""The audit log: every decision written down before its effect, redacted before it is written."""
