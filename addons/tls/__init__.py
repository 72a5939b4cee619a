"""TLS with clients, inspected or a reverse listener's own, and with upstreams."""
