"""Long-running processes: supervisor, relay, workers, policies, notary, DICOM service, schema registry."""
