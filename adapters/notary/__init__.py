"""Storage and keys for the notary: Ed25519 signatures on notes, and a crash-safe folder of tiles."""
