"""The cache of the reverse gateway: kept answers for requests that the gate let through, and for nobody else."""
