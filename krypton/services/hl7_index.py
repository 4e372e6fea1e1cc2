"""What HL7 queries are answered from: the ledger, behind the gate, asked as the sending application."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from adapters.hl7.assigners import uuid_of
from adapters.hl7.people import Number, Page, Person
from adapters.hl7.people import TooMany as TooManyHere
from domain.actors import Caller
from domain.aggregates.establishment import Establishment
from domain.commands.directory import is_enrolled
from domain.ins import AUTHORITIES
from domain.work import Work
from krypton.bootstrap import Krypton
from krypton.queries.demographics import MOST, TooMany, numbers_of, people_like

PIX, PDQ = "QBP_Q23", "QBP_Q22"
"""The reasons on record, for HL7 carries none; a word that is nobody's name or number (X15)."""


@dataclass(frozen=True)
class LedgerIndex:
    """See ``adapters.hl7.people.Index``."""

    ours: Krypton

    def assigner(self, name: str, oid: str) -> str | None:
        """See ``Index``. An OID of INS says all; beside an establishment's code there may be an OID that it has of its
        own.
        """
        authorities, work = self.ours.ledger.authorities.names, Work(self.ours.ledger)
        if oid in AUTHORITIES:
            return oid if oid in authorities else None
        made_of = uuid_of(oid)
        site = work.find(Establishment, made_of) if made_of else None
        by_oid = site.code if site else None
        if is_enrolled(work, name):
            return name if by_oid in (None, name) else None
        by_name = {known: authority for authority, known in authorities.items()}.get(name)
        return by_oid or (by_name if not oid else None)

    def numbers(self, application: str, site: str, of: Number, wanted: tuple[str, ...]) -> tuple[Number, ...]:
        """See ``Index``."""
        return _numbers(numbers_of(self.ours, _caller(application, site, PIX), of.assigner, of.text, wanted))

    def people(
        self,
        application: str,
        site: str,
        criteria: Mapping[str, str],
        wanted: tuple[str, ...],
        after: int,
        limit: int | None,
    ) -> Page:
        """See ``Index``."""
        caller, most = _caller(application, site, PDQ), min(limit or MOST, MOST)
        try:
            found = people_like(self.ours, caller, criteria, wanted=wanted, after=after, limit=most)
        except TooMany as many:
            raise TooManyHere(str(many)) from None
        people = tuple(_person(row) for row in found.people)
        return Page(people, found.total, found.left, found.people[-1]["position"] if people else 0)


def _caller(application: str, site: str, reason: str) -> Caller:
    return Caller(f"aet:{application}", reason, site)


def _person(row: Mapping[str, Any]) -> Person:
    return Person(_numbers(row), row["traits"], row["status"], row["flags"])


def _numbers(row: Mapping[str, Any]) -> tuple[Number, ...]:
    own = [Number(assigner, number) for assigner, number in row["numbers"]]
    return (*own, *(Number(oid, matricule) for oid, matricule in row["ins"]))
