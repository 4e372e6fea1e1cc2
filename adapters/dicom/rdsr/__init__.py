"""Reads doses from DICOM: structured dose reports of every template, and the headers of images."""
