"""What steers a running gateway: the policies in force, and how they are replaced."""
