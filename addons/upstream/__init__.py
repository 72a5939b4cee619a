"""Upstreams: judged addresses dialled, servers chosen, tried again and looked after."""
