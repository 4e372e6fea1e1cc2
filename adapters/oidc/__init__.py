"""OpenID Connect: what a provider says of a token."""
