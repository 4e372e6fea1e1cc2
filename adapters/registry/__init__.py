"""A read-only schema registry for subscribers, compatible with Confluent's REST API."""
