"""How Krypton names itself in associations and in files that it writes. Source: PS3.7 D.3.3.2, PS3.5 B.2."""

CLASS_UID = "2.25.148735534340158577857283997102950115396"  # of a random UUID: stored in files, never change it
VERSION_NAME = "KRYPTON_0_1"  # at most 16 characters
