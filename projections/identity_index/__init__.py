"""The identity index view: local identities, statements about pairs, and who was one person when."""
