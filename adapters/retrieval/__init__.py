"""DICOM query and retrieve, as provider: finds, sends, and commits to what is kept; who may is decided elsewhere."""
