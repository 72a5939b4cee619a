"""HTTP/1 on the wire, towards clients and origins."""
