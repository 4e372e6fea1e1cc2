"""Errors for DICOM objects that cannot be taken in.

A message says what is wrong and what to do, never a value: values name people.
"""

from adapters.inbox.refusal import Refused


class Unreadable(Refused):
    """Not a DICOM object, or a broken one."""


class TooLarge(Refused):
    """More than a setting lets in. The message names the setting."""


class AttributeMissing(Refused):
    """A required attribute is absent, empty or malformed."""


class NothingToRecord(Refused):
    """A structured document without dose and without other content."""


class NotAsNamed(Refused):
    """The data set is another one than the message says."""


class ListsFiles(Refused):
    """Not an instance but a DICOMDIR."""
