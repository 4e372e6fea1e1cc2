"""The patient record view: studies with their reports, exam orders and readings, by local identity."""

from projections.engine.declaration import View

VIEW = View(
    name="patient_record",
    projection="view:PatientRecord",
    queries=("queries", "shared"),
)
