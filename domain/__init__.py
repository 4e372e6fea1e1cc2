"""The domain: aggregates, commands, rules and folds; pure decisions without I/O."""
