"""Reads doses from DICOM: structured dose reports of every template."""
