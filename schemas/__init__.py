"""Event schemas: Avro files, the codec with field encryption, compatibility checks, and the registry."""
