"""Deletes the instances of erased people from this machine's DICOM folder: those of studies that are theirs now.

With them goes what the archive keeps of these studies, which names the person too. Instances are listed by study when
they are recorded (``adapters.inbox.filed``). What was put aside, because the same UID came with other content, goes
with the study where it says the same person, and else with whom it says; what a rule refused, with whom it says
(``refused``). A number may have had several people: what came in after the erasure stays where somebody living can have
sent it. A batch that was in hand when the person was erased is waited for: its instances
may not be listed yet. The ledger notes which studies they were, so that a folder that is restored from an older backup,
or is another machine's, can be cleaned (``again``).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote
from uuid import UUID

from adapters.archive.study import forget
from adapters.dicom.attributes import Patient
from adapters.dicom.batch import borne_by
from adapters.dicom.inlet import spool_at
from adapters.dicom.intake import instance_in
from adapters.inbox.filed import delete, delete_filed, filed, in_hand, tidy
from adapters.inbox.refusal import Refused
from adapters.inbox.spool import Name, Spool
from domain.aggregates.identity import Identity
from domain.aggregates.study import Study
from domain.commands.received_patient import MOST_COLLISIONS
from krypton.bootstrap import Krypton
from krypton.erasing.events import recorded_at
from krypton.erasing.refused import delete_refused

AT_A_TIME: Final = 2_000
"""Instances that are deleted before the sender is heard of again."""
US: Final = 1_000_000
Erased = Mapping[str, float]
"""Identities, and when they were erased: seconds since 1970."""


def deleted(ours: Krypton, causes: Mapping[str, int]) -> Mapping[str, Sequence[str]]:
    """Delete instances of these people, up to ``AT_A_TIME`` of those that are listed; says of whom none is left, and
    which studies they were of.
    """
    spool = spool_at(ours.settings.instances)
    erased = {identity: recorded_at(ours, at) / US for identity, at in causes.items()}
    if in_hand(spool, max(erased.values()) + ours.settings.clock_bound_s):
        return {}
    gone: dict[str, list[str]] = {}
    left = AT_A_TIME
    for identity, at in erased.items():
        studies = studies_of(ours, identity)
        left -= delete_listed(ours, spool, studies, at, left)
        if not left:
            break
        gone[identity] = studies
    of_studies = {study: erased[identity] for identity, mine in gone.items() for study in mine}
    delete_beside(ours, spool, {identity: erased[identity] for identity in gone}, of_studies)
    return gone


def studies_of(ours: Krypton, identity: str) -> list[str]:
    """Ids of the studies that are the identity's now."""
    begun = ours.ledger.load(ours.ledger.log.begun_for(UUID(identity)))
    mine = (one for one in begun.values() if isinstance(one, Study) and str(one.identity_id) == identity)
    return sorted(str(one.id) for one in mine)


def delete_listed(ours: Krypton, spool: Spool, studies: Iterable[str], erased_at: float, most: int) -> int:
    """Delete up to that many instances of these studies; how many they were. Fewer: none is left.

    ``erased_at``: when the person was erased. What came in since is deleted unless it is somebody else's.
    """
    since, done = erased_at - ours.settings.clock_bound_s, 0  # clocks differ by no more (T1)
    for study in studies:

        def keeps(file: Path, study: str = study) -> bool:
            return file.stat().st_mtime > since and _is_anothers(ours, spool, file, study)

        done += delete_filed(spool, study, most - done, keeps)
        if done == most:
            break
        forget(spool, study)
    return done


def _is_anothers(ours: Krypton, spool: Spool, file: Path, study: str) -> bool:
    """Whether an instance was sent again after it was deleted, and is recorded, or about to be, for another study.

    Its claim is in an older list of the study where a process was killed, or where the list is from a backup.
    """
    if file.stat().st_nlink > 1:
        return True  # it has a pending name
    with suppress(Refused, OSError):
        said = instance_in(file)
        for borne in borne_by(unquote(file.parts[-3]), said.patient):
            for ordinal in range(1, MOST_COLLISIONS):
                identity = Identity.create_id(ours.ledger.ids, *borne, ordinal)
                other = str(Study.create_id(ours.ledger.ids, identity, said.study_uid))
                if other != study and file in filed(spool, other):
                    return True
    return False


def delete_beside(ours: Krypton, spool: Spool, erased: Erased, studies: Erased) -> None:
    """Delete what was put aside or refused of these people. ``studies``: theirs, with when each owner was erased."""
    for version, state in ours.ledger.log.conflicts(list(erased), list(studies)):
        told = ours.codec.decode(state, version, unseal=False)[1]
        says_the_same = told["identity_id"] == told["other_identity_id"]
        at = studies.get(told["study_id"]) if says_the_same else erased.get(told["other_identity_id"])
        if at is not None and told["digest"]:
            delete(_put_aside(spool, told, at + ours.settings.clock_bound_s))
            tidy(spool, told["command_id"])
    delete_refused(ours, spool, erased)


def _put_aside(spool: Spool, told: Mapping[str, Any], before: float) -> Iterator[Path]:
    """The instances of one conflict, which names one of them; by that one the others are known, so it comes last.

    Its batch lists them. Of an older version, and once they are deleted, it does not: then those that came in
    ``before``, seconds since 1970, for the same may have come again, for somebody who lives.
    """
    named = spool.aside(Name.new(told["site"], "", uid=told["uid"], digest=told["digest"]))
    listed = filed(spool, told["command_id"])
    with suppress(Refused, OSError):
        if not listed and named.stat().st_mtime > before:
            return
        if told["instances"] > 1:
            says = _whose(named)
            beside = listed or sorted(named.parent.glob("*"))
            yield from (file for file in beside if file != named and _says(file, says))
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
