"""Why an object is not taken in. The message names what is wrong and what to do, never a value: those name people."""


class Refused(Exception):
    """This object cannot be taken in as it is; sending the same bytes again will not help. Others are not affected."""


class Unreadable(Refused):
    """Not a DICOM object, or a broken one."""


class AttributeMissing(Refused):
    """An attribute that we cannot do without is absent, empty or malformed."""


class NothingToRecord(Refused):
    """A structured document that holds neither dose nor any other content."""


class DigestDiffers(Refused):
    """The SOP instance is held with other bytes: the first one stands, this one is kept aside."""


class ListsFiles(Refused):
    """Not an instance but a DICOMDIR: it lists files."""
