"""Tamper evidence: a Merkle tree over the ledger in position order. Pure functions, standard library only."""
