"""Running policies: fold, lookups, sender, outbox status."""
