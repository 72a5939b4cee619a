"""HTTP/2 with clients and with origins, spoken so that the rest of the engine sees the HTTP/1.1 it would have been.

Heads are read strictly and put into the one form that is judged; bodies are counted against what their heads stated
and held back where a window is shut; what a peer may ask of a connection is bounded.

Source: RFC 9113 (HTTP/2), RFC 9110 section 6.5 (trailers).
"""
