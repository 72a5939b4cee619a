"""Tunnels: what they open with, and those that are passed on unread."""
