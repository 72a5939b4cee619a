"""The HTTP of one client connection: its streams, their retries, and the upstream connections that they share."""
