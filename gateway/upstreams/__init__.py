"""Where admitted requests go: routes to upstreams, and names to addresses."""
