"""The log read by people: filters, a quick scan of large logs, counts, figures, exports, and why something was refused."""
