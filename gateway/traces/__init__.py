"""Traces: what of an exchange is told to a collector of OpenTelemetry, and how it gets there. An extra, `tracing`."""
