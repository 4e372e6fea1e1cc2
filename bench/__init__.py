"""Benchmarks: every performance claim, measured and compared with its target."""
