"""The archive: what is needed of stored instances to show them: frames, metadata, lists of a study's series."""
