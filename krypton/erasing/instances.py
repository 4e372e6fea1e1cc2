"""Deletes the instances of erased people from this machine's DICOM folder: those of studies that are theirs now.

Instances are listed by study when they are recorded (``adapters.inbox.filed``). What was put aside, because the same
UID came with other content, goes with the study where it says the same person, and else with whom it says; what a rule
refused, with whom it says. A number may have had several people: what came in after the erasure stays, and so does what
somebody living can have sent. A batch that was in hand when the person was erased is waited for: its instances may not
be listed yet. The ledger notes which studies they were, so that a folder that is restored from an older backup can be
cleaned (``delete_again``).
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from adapters.dicom.attributes import Patient
from adapters.dicom.batch import received
from adapters.dicom.inlet import spool_at
from adapters.dicom.intake import instance_in
from adapters.inbox.filed import delete, delete_filed, in_hand
from adapters.inbox.recorder import REASON
from adapters.inbox.refusal import Refused
from adapters.inbox.spool import Name, Spool
from domain.aggregates.identity import Identity
from domain.aggregates.study import Study
from domain.commands.received_patient import MOST_COLLISIONS, is_only_of
from domain.errors import NothingNew
from krypton.bootstrap import Krypton
from krypton.erasing.events import events, recorded_at

AT_A_TIME: Final = 2_000
"""Instances of a study that are deleted before the sender is heard of again."""
US: Final = 1_000_000
ORDINALS: Final = range(1, MOST_COLLISIONS)
Erased = Mapping[str, float]
"""Identities, and when they were erased: seconds since 1970."""


def deleted(ours: Krypton, causes: Mapping[str, int]) -> Mapping[str, Sequence[str]]:
    """Delete the instances of these people; says of whom none is left, and which studies they were of."""
    spool = spool_at(ours.settings.instances)
    erased = {identity: recorded_at(ours, at) / US for identity, at in causes.items()}
    if in_hand(spool, max(erased.values()) + ours.settings.clock_bound_s):
        return {}
    studies = {identity: studies_of(ours, identity) for identity in causes}
    theirs = {study for mine in studies.values() for study in mine}
    delete([*_aside(ours, spool, erased, theirs), *_refused(ours, spool, erased)])
    return {identity: mine for identity, mine in studies.items() if _gone(spool, mine)}


def studies_of(ours: Krypton, identity: str) -> list[str]:
    """Ids of the studies that are the identity's now."""
    begun = ours.ledger.load(ours.ledger.log.begun_for(UUID(identity)))
    mine = (one for one in begun.values() if isinstance(one, Study) and str(one.identity_id) == identity)
    return sorted(str(one.id) for one in mine)


def delete_again(ours: Krypton) -> int:
    """Delete what a restored folder brought back of all whose instances were deleted; how many they are."""
    spool = spool_at(ours.settings.instances)
    erased: dict[str, float] = {}
    theirs = set[str]()
    for told in events(ours, "erasure.followed"):
        if told["part"] == "instances":
            erased[told["identity_id"]] = told["recorded_at"] / US  # none of theirs came in since
            theirs.update(told["studies"])
            while not _gone(spool, told["studies"]):
                pass
    if erased:
        delete([*_aside(ours, spool, erased, theirs), *_refused(ours, spool, erased)])
    return len(erased)


def _gone(spool: Spool, studies: Iterable[str]) -> bool:
    left = [study for study in studies if not delete_filed(spool, study, AT_A_TIME)]
    return not left


def _aside(ours: Krypton, spool: Spool, erased: Erased, theirs: Collection[str]) -> Iterator[Path]:
    """Where instances were put aside that are of these people. ``theirs``: ids of their studies."""
    for told in events(ours, "study.conflict_found"):
        says_the_same = told["identity_id"] == told["other_identity_id"]
        is_theirs = told["study_id"] in theirs if says_the_same else told["other_identity_id"] in erased
        if is_theirs and told["digest"]:
            yield from _put_aside(spool, told)


def _put_aside(spool: Spool, told: Mapping[str, Any]) -> Iterator[Path]:
    """The instances of one conflict, which names one of them; by that one the others are known, so it comes last."""
    named = spool.aside(Name.new(told["site"], "", uid=told["uid"], digest=told["digest"]))
    if told["instances"] > 1:
        with suppress(Refused, OSError):
            says = _whose(named)
            yield from (file for file in sorted(named.parent.iterdir()) if file != named and _says(file, says))
    yield named


def _whose(file: Path) -> tuple[Patient, str]:
    """Of whom and of which study an instance says that it is. Raises Refused, OSError."""
    said = instance_in(file)
    return said.patient, said.study_uid


def _says(file: Path, says: tuple[Patient, str]) -> bool:
    """Whether it says the same; what cannot be read names nobody that can be found."""
    with suppress(Refused, OSError):
        return _whose(file) == says
    return False


def _refused(ours: Krypton, spool: Spool, erased: Erased) -> Iterator[Path]:
    """Instances of batches that a rule refused before one of these people was erased, and that are theirs."""
    for reason in spool.refused.glob(f"*/{REASON}"):
        since = reason.stat().st_mtime - ours.settings.clock_bound_s  # clocks differ by no more (T1)
        if not (gone := {identity for identity, at in erased.items() if since <= at}):
            continue
        site = json.loads(reason.read_bytes())["site"]
        for file in reason.parent.glob(f"*{spool.form.suffix}"):
            with suppress(Refused, OSError, NothingNew):  # what cannot be read names nobody that can be found
                if _is_of(ours, site, instance_in(file).patient, gone):
                    yield file


def _is_of(ours: Krypton, site: str, patient: Patient, gone: Collection[str]) -> bool:
    """Whether a person as sent is one of these erased identities."""
    ids = ours.ledger.ids
    assigners = {site, patient.issuer or site}
    numbered = (Identity.create_id(ids, one, patient.local_id, n) for one in assigners for n in ORDINALS)
    if not any(str(one) in gone for one in numbered):
        return False
    return is_only_of(ours.ledger.work([]), site, received(patient), gone)
