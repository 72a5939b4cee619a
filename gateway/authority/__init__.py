"""The certificate authority of a gateway: made, kept, and used to sign leaves."""
