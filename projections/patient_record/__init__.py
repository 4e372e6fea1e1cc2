"""The patient record: studies with their reports, exam orders and readings, by local identity."""
