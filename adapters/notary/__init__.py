"""What the notary needs: Ed25519 keys for signed notes, and a folder of tiles that survives a power cut."""
