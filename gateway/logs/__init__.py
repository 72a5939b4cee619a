"""What the gateway tells its operator on the standard error stream. Decisions are in the audit log, and only there."""
