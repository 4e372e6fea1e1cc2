"""Which assigner a message names, and how a number is written with its own: PID-3, QPD-3 and what is asked for.

An establishment is named by its code, or by an OID that everybody can make of its id (ITU-T X.667: 2.25 and the number
of a uuid); an authority of INS by its OID, whatever name stands beside. Source: HL7 v2.5, 2.A.14 (CX) and 2.A.33 (HD).
"""

from typing import Final
from uuid import UUID

from adapters.hl7.er7 import Repetition, written
from domain.aggregates.establishment import Establishment
from domain.ins import AUTHORITIES

UUIDS: Final = "2.25."
OWN_TYPE, INS_TYPE = "PI", "INS"
NAMED: Final = 4
"""Words of an authority's name that are written: with -TEST it has more than the 20 characters that HL7 allows."""


def oid_of(code: str) -> str:
    """The OID of an establishment."""
    return f"{UUIDS}{Establishment.create_id(code).int}"


def uuid_of(oid: str) -> UUID | None:
    """The uuid that an OID is made of; None where it is made of none."""
    number = oid.removeprefix(UUIDS)
    if number == oid or not (number.isascii() and number.isdecimal()) or len(number) > len(str(2**128)):
        return None
    return UUID(int=int(number)) if int(number) < 2**128 else None


def named_by(value: Repetition, component: int = 4) -> tuple[str, str]:
    """Name and OID of an assigner, each empty where it is not said."""
    return value.part(component, 1), value.part(component, 2)


def cx(assigner: str, number: str) -> str:
    """A number with its assigner as an answer writes it. ``assigner``: a code, or an OID of INS."""
    if name := AUTHORITIES.get(assigner):
        name = "-".join(name.split("-")[:NAMED])
        return f"{written(number)}^^^{name}&{assigner}&ISO^{INS_TYPE}"
    return f"{written(number)}^^^{written(assigner)}&{oid_of(assigner)}&ISO^{OWN_TYPE}"
