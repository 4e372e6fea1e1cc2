"""Tools that generate documentation from the code."""
