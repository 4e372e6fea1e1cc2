"""The patient record view: studies with their reports, exam orders and readings, by local identity."""
