"""Integrity of the ledger: verification, signed checkpoints, proofs, restore and republish."""
