"""Who bears a number that an establishment gave out; it says something of its own numbers, and of no others."""

from collections.abc import Iterator

from domain.aggregates.identity import Identity
from domain.commands.directory import is_enrolled
from domain.commands.pairs import are_one
from domain.commands.received_patient import ReceivedPatient, under_number
from domain.errors import AlreadyRegistered, NotFound, UnknownSite
from domain.traits import refuse_mistyped_id
from domain.work import Work


def refuse_stranger(work: Work, site: str) -> None:
    """Raises UnknownSite (S1)."""
    if not is_enrolled(work, site):
        raise UnknownSite("the sender's establishment is not enrolled: krypton site enroll")


def bearer(work: Work, site: str, local_id: str) -> Identity:
    """The one person who bears an establishment's number; of identities that are one person, the first. Raises
    BadTraits (I1), NotFound; AlreadyRegistered (I2) where there are several, for to take one would be a guess.
    """
    refuse_mistyped_id(local_id)
    living = [one for one in of_number(work, site, local_id) if not one.is_closed]
    if not living:
        raise NotFound(f"{site} never announced one of the numbers: announce the patient first")
    if not are_one(work, living):
        raise AlreadyRegistered(
            f"{len(living)} people bear one of the numbers of {site}: a clerk tells them apart, krypton identity show"
        )
    return living[0]


def of_number(work: Work, site: str, local_id: str) -> Iterator[Identity]:
    """All who bear it, in the order in which they were registered; erased ones, too."""
    return under_number(work, site, ReceivedPatient(local_id=local_id, issuer=None, stated={}))
