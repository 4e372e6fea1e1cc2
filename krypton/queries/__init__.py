"""Queries of personal data behind the access gate: each is decided and recorded before it is answered."""
