"""What browsers see of the admin side: files that are the same for everybody, and hold no secret."""
