"""Pages that the gateway writes itself: refusals, the welcome page, and the proxy auto-configuration."""
