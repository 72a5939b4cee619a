"""One client's connection: the handler that moves the bytes and runs the hooks, its phases, deadlines and bounds."""
