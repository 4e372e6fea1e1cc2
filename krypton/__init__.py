"""Krypton: the health-record ledger's command line, services, queries, audits and operations."""
