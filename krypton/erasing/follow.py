"""The lookups ``erase_…`` of the erasure policy: each removes one part of what is left, and leads to its being noted.

Whatever is removed may be removed again, so a process that is killed anywhere leaves nothing but what the next one
repeats. What cannot be removed yet waits.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from uuid import UUID

from adapters.outbox.outbox import Entry
from domain.aggregates.erasure import Erasure
from krypton.bootstrap import Krypton
from krypton.erasing import exports, rows
from krypton.erasing.background import InBackground
from policies.erasure import FOLLOWS
from policies.policy import Due, Kind

Causes = Mapping[str, int]
"""Erased identities, each with the ledger position of the event that says so."""
Done = Mapping[str, Sequence[str]]
"""Of whom the part is gone; of instances, with the studies whose they were."""
Step = Callable[[str], None]


class Following:
    """One part; ``krypton.policies.looker.Lookup``. ``remove``: removes it of these people; says of whom it is gone.

    ``gone``: of whom the ledger has noted it. An outbox that was lost asks about everybody again, and what has come
    since is of people who live.
    """

    def __init__(
        self, part: str, remove: Callable[[Causes], Done], gone: Callable[[Causes], Collection[str]], step: Step
    ) -> None:
        self._part, self._remove, self._gone, self._step = part, remove, gone, step

    def __call__(self, entries: Sequence[Entry]) -> Mapping[UUID, Sequence[tuple[int, Due]]]:
        """See ``Lookup``."""
        asked = {entry.body["identity"]: entry.cause for entry in entries}
        done: dict[str, Sequence[str]] = dict.fromkeys(self._gone(asked), ())
        if left := {identity: cause for identity, cause in asked.items() if identity not in done}:
            done |= self._remove(left)
        self._step(f"{self._part} removed")
        return {
            entry.id: [(0, self._note(identity, done[identity]))]
            for entry in entries
            if (identity := entry.body["identity"]) in done
        }

    def _note(self, identity: str, studies: Sequence[str]) -> Due:
        body = {"identity": identity, "part": self._part, "studies": list(studies)}
        return Due(Kind.COMMAND, "note_followed", body)


def lookups(ours: Krypton, step: Step) -> Mapping[str, Following]:
    """The lookups by name. ``step``: told the name of each finished step; tests end the process there."""
    removers: Mapping[str, Callable[[Krypton, Causes], Done]] = {
        "key": destroyed,
        "instances": InBackground(instances_deleted).removed,
        "answers": answers_forgotten,
        "exports": exports.deleted,
        "views": rows.Overwriting().overwritten,
    }

    def remover(part: str) -> Callable[[Causes], Done]:
        return lambda causes: removers[part](ours, causes)

    def gone(part: str) -> Callable[[Causes], Collection[str]]:
        return lambda causes: noted(ours, part, causes)

    return {does: Following(part, remover(part), gone(part), step) for does, part in FOLLOWS.items()}


def noted(ours: Krypton, part: str, identities: Collection[str]) -> set[str]:
    """Of which of these identities the ledger says that a part is gone."""
    ids = [Erasure.create_id(ours.ledger.ids, UUID(identity)) for identity in identities]
    held = (one for one in ours.ledger.load(ids).values() if isinstance(one, Erasure))
    return {str(one.identity_id) for one in held if part in one.followed}


def destroyed(ours: Krypton, causes: Causes) -> Done:
    """Destroy the keys."""
    ours.vault.destroy_all(list(causes))
    return dict.fromkeys(causes, ())


def instances_deleted(ours: Krypton, causes: Causes) -> Done:
    """See ``krypton.erasing.instances``."""
    from krypton.erasing.instances import deleted  # with the readers of DICOM, which no other lookup needs

    return deleted(ours, causes)


def answers_forgotten(ours: Krypton, causes: Causes) -> Done:
    """See ``krypton.erasing.answers``."""
    from krypton.erasing.answers import forgotten  # the same

    return forgotten(ours, causes)
