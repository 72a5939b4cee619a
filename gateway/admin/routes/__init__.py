"""The routes of the admin side, by what they are about."""
