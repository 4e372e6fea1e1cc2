"""Measures the matching engine: a generated French region, and FEBRL, with the truth known to the measure alone."""
