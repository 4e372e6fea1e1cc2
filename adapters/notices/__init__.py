"""Delivers the notices of policies, as files or over HTTP."""
