"""The engine that folds events into a view's rows, live: batches, positions, dead letters."""
