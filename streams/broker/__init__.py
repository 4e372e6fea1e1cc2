"""Access to Kafka and PostgreSQL: addresses, topics, subscribers, partitioning, backoff, checkpoints."""
