"""What DICOM queries and retrievals are answered from: the ledger, behind the gate, asked as the calling application.

DICOM carries no reason: the operation is on record in its place, a word that is nobody's name or number (X15). Whoever
may see nothing is told nothing; that they asked is on record.
"""

import ssl
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from adapters.dicom.network.requestor import Callee
from adapters.retrieval.port import Asker, Attributes, TooMuch
from domain.actors import Caller
from domain.aggregates.establishment import Establishment
from domain.errors import NotFound
from domain.work import Work
from krypton.bootstrap import Krypton
from krypton.queries.gate import ViewRefused
from krypton.queries.standing import Standing
from krypton.queries.study_attributes import study_attributes
from krypton.queries.study_search import MOST, studies_found
from krypton.queries.study_uids import Ambiguous

Turn = AbstractContextManager[Any]
PATIENT_ID, ISSUER = "00100020", "00100021"


class LedgerShelf:
    """See ``adapters.retrieval.port.Shelf``. ``turn``: entered while the ledger is asked, so that no more ask at once
    than there are connections.
    """

    def __init__(self, ours: Krypton, turn: Turn) -> None:
        self.ours, self.turn, self._standing = ours, turn, Standing(ours)

    def person(self, asker: Asker, number: str, issuer: str) -> str | None:
        """See ``Shelf``: an identity, of which nothing is told."""
        with self.turn:
            try:
                return str(self.ours.resolve(f"{self._issuer(asker, issuer)}|{number}"))
            except NotFound:
                return None

    def _issuer(self, asker: Asker, issuer: str) -> str:
        names = self.ours.ledger.authorities.names
        return "INS" if issuer in names or issuer in names.values() else issuer or asker.site

    def uids(self, asker: Asker, number: str, issuer: str) -> list[str]:
        """See ``Shelf``."""
        keys = {"PatientID": number, "IssuerOfPatientID": issuer or asker.site}
        found, more = self._studies(asker, keys, MOST, "study.retrieve")
        if more:
            raise TooMuch(f"more than {MOST} studies: name those that are wanted")
        return list(dict.fromkeys(study["study_uid"] for study in found))

    def studies(self, asker: Asker, uid: str, person: str | None) -> tuple[str, ...]:
        """See ``Shelf``."""
        with self.turn:
            try:
                return self._standing.seen(_caller(asker), uid, UUID(person) if person else None).studies
            except (NotFound, ViewRefused, Ambiguous):
                return ()

    def of_person(self, asker: Asker, identity: str) -> list[dict[str, Any]]:
        """The studies of somebody that an application may fetch, newest first. Raises ViewRefused."""
        with self.turn:
            found = studies_found(self.ours, _caller(asker), {}, task="study.retrieve", person=identity, limit=MOST)
        return found.studies

    def found(self, asker: Asker, keys: Mapping[str, str], most: int) -> tuple[list[Attributes], bool]:
        """See ``Shelf``. A patient is answered under the number that was asked for."""
        found, more = self._studies(asker, keys, most, "study.find")
        number, issuer = keys.get("PatientID", ""), keys.get("IssuerOfPatientID", "") or asker.site
        named = {} if not number or set(number) & set("*?\\") else _number(number, issuer)
        return [{**study_attributes(study), **named, "id": study["study"]} for study in found], more

    def _studies(
        self, asker: Asker, keys: Mapping[str, str], most: int, task: str
    ) -> tuple[list[dict[str, Any]], bool]:
        """Raises BadKey."""
        with self.turn:
            try:
                found = studies_found(self.ours, _caller(asker), keys, task=task, limit=most)
            except ViewRefused:
                return [], False
        return found.studies, found.more


def _caller(asker: Asker) -> Caller:
    return Caller(f"aet:{asker.ae_title}", asker.why, asker.site)


def _number(number: str, issuer: str) -> Attributes:
    return {PATIENT_ID: {"vr": "LO", "Value": [number]}, ISSUER: {"vr": "LO", "Value": [issuer]}}


@dataclass(frozen=True)
class LedgerPlaces:
    """See ``adapters.retrieval.port.Places``: where devices listen, as the ledger knows it. ``tls``: how they are
    spoken to over TLS; None: they are not.
    """

    ours: Krypton
    tls: Callable[[], ssl.SSLContext | None]
    turn: Turn

    def callee(self, site: str, ae_title: str) -> Callee | None:
        """See ``Places``."""
        with self.turn:
            held = Work(self.ours.ledger).find(Establishment, Establishment.create_id(site))
        address = held.addresses.get(ae_title) if held else None
        if address is None:
            return None
        if not address.tls:
            return Callee(ae_title=ae_title, host=address.host, port=address.port)
        tls = self.tls()
        return Callee(ae_title=ae_title, host=address.host, port=address.port, tls=tls) if tls else None
