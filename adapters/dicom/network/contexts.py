"""Which presentation contexts are accepted: verification, queries, commitment, and all storage classes.

A class is storage where the standard calls it so; a number below the standard's storage classes that it does not know
yet is one too, and so is a private class, whose transfer nobody else defines. Source: PS3.4 annex B, PS3.6 table A-1.
"""

from collections.abc import Collection, Mapping
from functools import cache
from typing import Final

from pydicom.uid import UID_dictionary

from adapters.dicom.network.dimse import Operation
from adapters.dicom.network.pdu import Negotiated, Proposed, Result, Roles

VERIFICATION = "1.2.840.10008.1.1"
UNCOMPRESSED = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2")
IMPLICIT, EXPLICIT = UNCOMPRESSED[:2]
COMMITMENT: Final = "1.2.840.10008.1.20.1"  # the push model
PATIENT_ROOT, STUDY_ROOT = "1.2.840.10008.5.1.4.1.2.1.", "1.2.840.10008.5.1.4.1.2.2."
QUERIES: Final[Mapping[str, Operation]] = {
    f"{root}{number}": operation
    for root in (PATIENT_ROOT, STUDY_ROOT)
    for number, operation in enumerate((Operation.C_FIND, Operation.C_MOVE, Operation.C_GET), 1)
}
"""What reads personal data: PS3.4 annex C."""
SERVES: Final[Mapping[str, Operation]] = {**QUERIES, COMMITMENT: Operation.N_ACTION}
"""Classes of services that take more than one answer, and what is asked of them."""
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


def negotiate(proposed: Proposed, asked: Mapping[str, Roles] | None = None, offers: Collection[str] = ()) -> Negotiated:
    """Accept or reject a context: of storage in the transfer syntax that the caller names first.

    ``asked``: the roles that the caller proposes, by class; ``offers``: those of ``SERVES`` that are served to it.
    """
    first = next((syntax for syntax in proposed.transfers if syntax), "")
    known: tuple[str, ...] = ()
    if is_storage(proposed.abstract):
        takes = (asked or {}).get(proposed.abstract, Roles(True, False)).provider
        chosen = _to_send(proposed) if takes and gives(offers) else first
        return _answered(proposed, chosen, first)
    if proposed.abstract == VERIFICATION:
        known = UNCOMPRESSED
    elif proposed.abstract in offers:
        known = EXPLICIT, IMPLICIT
    else:
        return Negotiated(proposed.id, proposed.abstract, first, Result.ABSTRACT_SYNTAX_NOT_SUPPORTED)
    return _answered(proposed, next((syntax for syntax in proposed.transfers if syntax in known), ""), first)


def _to_send(proposed: Proposed) -> str:
    """In which syntax instances go to the caller. Most are not compressed: of such, explicit VR is never a guess."""
    if EXPLICIT in proposed.transfers and set(proposed.transfers) <= {*UNCOMPRESSED}:
        return EXPLICIT
    return next((syntax for syntax in proposed.transfers if syntax), "")


def _answered(proposed: Proposed, chosen: str, first: str) -> Negotiated:
    result = Result.ACCEPTED if chosen else Result.TRANSFER_SYNTAXES_NOT_SUPPORTED
    return Negotiated(proposed.id, proposed.abstract, chosen or first, result)


def gives(offers: Collection[str]) -> bool:
    """Whether instances are sent on the association of who asks for them."""
    return any(SERVES[one] == Operation.C_GET for one in offers)


def agreed_roles(asked: Mapping[str, Roles], offers: Collection[str]) -> dict[str, Roles]:
    """Of the roles that a caller proposes for storage classes, those that it may have: it takes what it asked for."""
    given = gives(offers)
    return {name: Roles(roles.user, roles.provider and given) for name, roles in asked.items() if is_storage(name)}
