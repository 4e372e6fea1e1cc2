"""Aggregates: one module per aggregate, with its rules and events."""
