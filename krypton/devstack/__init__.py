"""The embedded Kafka and PostgreSQL of a development machine: nothing to install, all state in one folder."""
