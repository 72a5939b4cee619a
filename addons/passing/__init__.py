"""What passes is cleaned: fields of both directions, bodies, trailers, interim answers, names of the backend."""
