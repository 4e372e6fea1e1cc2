"""The key vault: one encryption key per person, whose destruction is crypto-shredding."""
