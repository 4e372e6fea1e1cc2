"""Readers of the log without a consumer group: replay, record sources, and comparison with the event store."""
