"""A small web application to put behind the gateway, and its life as a child process of the quick start."""
