"""Matchers: one condition of a policy becomes a closure from facts to true, false or unknown.

One module per kind of fact. Every matcher is compiled for a side, see `gateway.policy.matchers.sides`.
"""
