"""Policies: pure reactions to ledger events that decide commands, lookups and notices."""
