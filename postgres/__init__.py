"""Sessions of PostgreSQL: how every process opens them, and how many it may hold."""
