"""DICOM: receiving instances over the network or from folders, and reading structured dose reports."""
