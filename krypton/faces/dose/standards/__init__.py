"""A study's doses in the forms of standards: FHIR's Radiation Dose Summary, DICOM's Patient Radiation Dose SR."""
