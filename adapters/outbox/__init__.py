"""The outbox of policies in PostgreSQL: what they decided, and what became of it."""
