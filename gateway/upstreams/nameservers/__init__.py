"""Name servers of one's own choice: asked over UDP and TCP, over TLS, or over HTTPS."""
