"""HTTP/3 with clients of reverse listeners, spoken so that the rest of the engine sees what HTTP/2 would have said.

aioquic moves packets and does the handshake; what it would take without a bound, or do without asking, is bounded and
asked here. Frames and field sections are read by our own reader, and become the events of our side of HTTP/2: there is
one way from a head to what is judged.

Source: RFC 9000 (QUIC), RFC 9001 (its TLS), RFC 9114 (HTTP/3), RFC 9204 (QPACK).
"""
