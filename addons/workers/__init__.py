"""Several engines on one port: a supervisor that serves nothing itself, and the workers that it looks after."""
