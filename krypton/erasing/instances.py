"""Deletes the instances of erased people from this machine's DICOM folder: those of studies that are theirs now.

Instances are listed by study when they are recorded (``adapters.inbox.filed``). What was put aside, because the same
UID came with other content, and what a rule refused, is deleted where it says that it is of the erased person. A batch
that was in hand when the person was erased is waited for: its instances may not be listed yet. The ledger notes which
studies they were, so that a folder that is restored from an older backup can be cleaned (``delete_again``).
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final
from uuid import UUID

from adapters.dicom.inlet import spool_at
from adapters.dicom.intake import local_id_in
from adapters.inbox.filed import delete, delete_filed, in_hand
from adapters.inbox.recorder import REASON
from adapters.inbox.refusal import Refused
from adapters.inbox.spool import Name, Spool
from domain.aggregates.identity import Identity
from domain.aggregates.study import Study
from krypton.bootstrap import Krypton
from krypton.erasing.events import events, recorded_at

CLOCKS_S: Final = 60
"""By how much the clocks of this machine and of the ledger may differ (T1)."""
AT_A_TIME: Final = 2_000
"""Instances of a study that are deleted before the sender is heard of again."""
US: Final = 1_000_000
ORDINALS: Final = range(1, 20)
"""How many people under one number are thought of."""


def deleted(ours: Krypton, causes: Mapping[str, int]) -> Mapping[str, Sequence[str]]:
    """Delete the instances of these people; says of whom none is left, and which studies they were of."""
    spool = spool_at(ours.settings.instances)
    if in_hand(spool, max(recorded_at(ours, at) for at in causes.values()) / US + CLOCKS_S):
        return {}
    delete([*_aside(ours, spool, causes), *_refused(ours, spool, causes)])
    studies = {identity: studies_of(ours, identity) for identity in causes}
    return {identity: mine for identity, mine in studies.items() if _gone(spool, mine)}


def studies_of(ours: Krypton, identity: str) -> list[str]:
    """Ids of the studies that are the identity's now."""
    begun = ours.ledger.load(ours.ledger.log.begun_for(UUID(identity)))
    mine = (one for one in begun.values() if isinstance(one, Study) and str(one.identity_id) == identity)
    return sorted(str(one.id) for one in mine)


def delete_again(ours: Krypton) -> int:
    """Delete what a restored folder brought back of all whose instances were deleted; how many they are."""
    spool = spool_at(ours.settings.instances)
    erased = set[str]()
    for told in events(ours, "erasure.followed"):
        if told["part"] == "instances":
            erased.add(told["identity_id"])
            while not _gone(spool, told["studies"]):
                pass
    delete([*_aside(ours, spool, erased), *_refused(ours, spool, erased)])
    return len(erased)


def _gone(spool: Spool, studies: Iterable[str]) -> bool:
    left = [study for study in studies if not delete_filed(spool, study, AT_A_TIME)]
    return not left


def _aside(ours: Krypton, spool: Spool, identities: Collection[str]) -> Iterator[Path]:
    """Where instances were put aside that say they are of these people."""
    for told in events(ours, "study.conflict_found"):
        if told["other_identity_id"] in identities and told["digest"]:
            yield spool.aside(Name.new(told["site"], "", uid=told["uid"], digest=told["digest"]))


def _refused(ours: Krypton, spool: Spool, identities: Collection[str]) -> Iterator[Path]:
    """Instances of batches that a rule refused, and that say they are of these people."""
    for reason in spool.refused.glob(f"*/{REASON}"):
        site = json.loads(reason.read_bytes())["site"]
        for file in reason.parent.glob(f"*{spool.form.suffix}"):
            with suppress(Refused, OSError):  # what cannot be read names nobody that can be found
                local_id = local_id_in(file)
                numbered = (Identity.create_id(ours.ledger.ids, site, local_id, n) for n in ORDINALS)
                if any(str(one) in identities for one in numbered):
                    yield file
