"""The reconciled identity index: local identities, statements about pairs, and who was one person when."""
