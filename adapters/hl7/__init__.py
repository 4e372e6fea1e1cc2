"""HL7 v2 in: identity messages (ADT) over MLLP, answered when they are stored."""
