"""The log read by people: filters, a quick scan of large logs, counts, figures, tables, and what was refused."""
