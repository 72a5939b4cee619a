"""The plumbing of a gateway: listeners, upstreams, limits, the audit log. The law stands in policies."""
