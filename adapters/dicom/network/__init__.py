"""DICOM's upper layer and messages, as the side that is called: no spool, no ledger. PS3.7 and PS3.8."""
