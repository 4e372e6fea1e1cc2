"""Deletes what was refused of erased people: images that a rule kept out of the ledger, so that no study has them.

Only batches are read that state a number which one of these people can have had: ``adapters.inbox.whose`` lists them. A
number may have had several people: what was refused after the erasure stays, and so does what somebody living can have
sent.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final
from uuid import UUID

from adapters.dicom.attributes import Patient
from adapters.dicom.batch import borne_by, received
from adapters.dicom.intake import instance_in
from adapters.inbox.filed import delete
from adapters.inbox.recorder import REASON
from adapters.inbox.refusal import Refused
from adapters.inbox.spool import Spool
from adapters.inbox.whose import Borne, list_refused, listed, unlisted
from domain.aggregates.identity import Identity
from domain.commands.received_patient import is_only_of
from domain.errors import NothingNew
from krypton.bootstrap import Krypton

PEOPLE: Final = 1_000
"""Of whom the numbers are looked up together."""
Numbered = Mapping[str, Collection[int]]
"""Who gave out numbers, and the how manieth under one number the people were."""


def delete_refused(ours: Krypton, spool: Spool, erased: Mapping[str, float]) -> None:
    """Delete it of these identities, each with when it was erased: seconds since 1970. Raises OSError."""
    for batch in unlisted(spool):
        if (spool.refused / batch / REASON).exists():  # else it is being refused
            list_refused(spool, batch, _stated(spool, batch))
    people = list(erased)
    for start in range(0, len(people), PEOPLE):
        some = {identity: erased[identity] for identity in people[start : start + PEOPLE]}
        for batch in _batches(ours, spool, some):
            _delete_in(ours, spool, batch, some)


def _batches(ours: Krypton, spool: Spool, erased: Collection[str]) -> list[str]:
    """Ids of the batches that state a number which one of these identities bears."""
    ids, found = ours.ledger.ids, set[str]()
    for assigner, ordinals in _numbered(ours, erased).items():
        for batch, numbers in listed(spool, assigner):
            could = (Identity.create_id(ids, assigner, number, n) for number in numbers for n in ordinals)
            if any(str(one) in erased for one in could):
                found.add(batch)
    return sorted(found)


def _numbered(ours: Krypton, erased: Collection[str]) -> Numbered:
    numbered: dict[str, set[int]] = {}
    for one in ours.ledger.log.events_of([UUID(identity) for identity in erased]):
        if one.topic == Identity.Registered.TOPIC:
            told = ours.codec.decode(one.state, one.originator_version, unseal=False)[1]
            numbered.setdefault(told["assigner"], set()).add(told["ordinal"])
    return numbered


def _delete_in(ours: Krypton, spool: Spool, batch: str, erased: Mapping[str, float]) -> None:
    reason = spool.refused / batch / REASON
    with suppress(FileNotFoundError):
        since = reason.stat().st_mtime - ours.settings.clock_bound_s  # clocks differ by no more (T1)
        gone = {identity for identity, at in erased.items() if since <= at}
        site = json.loads(reason.read_bytes())["site"]
        if gone:
            says = dict(_people(spool, batch))
            people = {patient for patient in set(says.values()) if _is_of(ours, site, patient, gone)}
            delete(file for file, patient in says.items() if patient in people)
            list_refused(spool, batch, _stated(spool, batch))  # also what was deleted by a process that ended here


def _is_of(ours: Krypton, site: str, patient: Patient, gone: Collection[str]) -> bool:
    """Whether a person as sent by a site is one of these erased identities, and can be nobody who lives."""
    with suppress(NothingNew):
        return is_only_of(ours.ledger.work([]), site, received(patient), gone)
    return False


def _stated(spool: Spool, batch: str) -> set[Borne]:
    """The numbers that a batch's items state."""
    site = json.loads((spool.refused / batch / REASON).read_bytes())["site"]
    return {borne for _, patient in _people(spool, batch) for borne in borne_by(site, patient)}


def _people(spool: Spool, batch: str) -> Iterator[tuple[Path, Patient]]:
    """The items of a batch, and who they say that they are of; what cannot be read names nobody that can be found."""
    for file in _items(spool, batch):
        with suppress(Refused, OSError):
            yield file, instance_in(file).patient


def _items(spool: Spool, batch: str) -> Iterable[Path]:
    return sorted((spool.refused / batch).glob(f"*{spool.form.suffix}"))
