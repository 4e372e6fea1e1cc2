"""Streaming: the relay to Kafka, the stream processors, readers of the log, and access to the broker."""
