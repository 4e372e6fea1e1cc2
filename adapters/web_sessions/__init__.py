"""Sessions of browsers in PostgreSQL: who signed in, from where they act, and the provider's tokens, sealed."""
