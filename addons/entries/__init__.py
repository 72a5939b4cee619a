"""Ways in other than a proxy port, and ways out through other proxies: the same gate, whatever the entry."""
