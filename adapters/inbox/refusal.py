"""Errors for items that cannot be taken in.

A message says what is wrong and what to do, never a value: values name people.
"""


class Refused(Exception):
    """This object cannot be taken in as it is; sending the same bytes again will not help. Others are not affected."""
