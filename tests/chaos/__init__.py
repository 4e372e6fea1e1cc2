"""Chaos: random faults on every process of the ledger under load of all families, and an independent check after."""
