"""Lists of names and networks that come from outside: formats, guards, last good copies."""
