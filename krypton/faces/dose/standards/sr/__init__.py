"""A study's doses as a DICOM Patient Radiation Dose SR."""
