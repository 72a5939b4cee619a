"""Limits that gateways of several machines count together, in a store of theirs: Valkey or Redis."""
