"""What makes the log provable: a Merkle tree over its lines, checkpoints that are signed, and proofs for one record."""
