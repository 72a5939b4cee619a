"""A shared cache of answers, by the rules of RFC 9111: what may be kept, for how long, and for whom it may be used."""
