"""The relay: copies stored events to Kafka in order, exactly once, one active at a time."""
