"""``make demo``: runs the main use cases on real files of two hospitals.

Every line shown is a command that was really run.
"""
