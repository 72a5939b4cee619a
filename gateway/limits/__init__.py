"""Limits that are counted together: by the workers of one machine, or by gateways of several."""
