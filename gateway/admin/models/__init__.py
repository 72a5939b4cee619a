"""What the API answers, key by key: pydantic models that describe it, and that tests measure real answers by."""
