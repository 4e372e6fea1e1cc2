"""Which presentation contexts are accepted: verification, and the storage classes that exist or may come.

A class is storage where the standard calls it so; a number below the standard's storage classes that it does not know
yet is one too, and so is a private class, whose transfer nobody else defines. Source: PS3.4 annex B, PS3.6 table A-1.
"""

from functools import cache

from pydicom.uid import UID_dictionary

from adapters.dicom.network.pdu import Negotiated, Proposed, Result

VERIFICATION = "1.2.840.10008.1.1"
UNCOMPRESSED = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2")
_STANDARD, _STORAGE = "1.2.840.10008.", "1.2.840.10008.5.1.4.1.1."
_NO_STORAGE = {
    "1.2.840.10008.1.3.10",  # a DICOMDIR is written to a disc, and is sent by nobody
    "1.2.840.10008.1.20.1",  # storage commitment
    "1.2.840.10008.1.20.2",
}


@cache
def _known(uid: str) -> str:
    """The standard's name of a class; empty where it knows none."""
    name, kind = UID_dictionary.get(uid, ("", ""))[:2]
    return name if "SOP Class" in kind else ""


def is_storage(uid: str) -> bool:
    """Whether instances of the class are sent to be kept."""
    if uid in _NO_STORAGE or not uid:
        return False
    if name := _known(uid):
        return "Storage" in name
    return uid.startswith(_STORAGE) or not uid.startswith(_STANDARD)


def negotiate(proposed: Proposed) -> Negotiated:
    """Accept or reject a context: of storage in the transfer syntax that the caller names first."""
    first = next((syntax for syntax in proposed.transfers if syntax), "")
    if is_storage(proposed.abstract):
        chosen = first
    elif proposed.abstract == VERIFICATION:
        chosen = next((syntax for syntax in proposed.transfers if syntax in UNCOMPRESSED), "")
    else:
        return Negotiated(proposed.id, proposed.abstract, first, Result.ABSTRACT_SYNTAX_NOT_SUPPORTED)
    result = Result.ACCEPTED if chosen else Result.TRANSFER_SYNTAXES_NOT_SUPPORTED
    return Negotiated(proposed.id, proposed.abstract, chosen or first, result)
