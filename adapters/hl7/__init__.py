"""HL7 v2 over MLLP: identity messages (ADT), answered when they are stored, and queries (PIX, PDQ)."""
