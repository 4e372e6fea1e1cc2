"""What is left of erased people, outside the log: found, shown, and removed part by part."""
