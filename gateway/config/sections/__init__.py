"""The shapes of `wicketgate.yaml`, one file per section."""
