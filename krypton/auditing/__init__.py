"""Audit queries, answered from the ledger's own events; each question is recorded before it is answered."""
