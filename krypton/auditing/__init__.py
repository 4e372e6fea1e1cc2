"""What auditors ask of the ledger: answered from its own events, each question recorded before it is answered."""
