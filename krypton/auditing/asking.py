"""Replays a person's past, passes an audit question through the gate, and records it before the answer.

The record names everybody the answer may be about. That is known only after the replay, so the replay comes first, and
nothing of it is shown before the decision. A caller without the task is refused before the replay. Exports that were
opened on this machine are closed first, where they name somebody who was erased since.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from domain.actors import Caller
from domain.commands.accesses import why
from domain.tasks import may
from krypton.auditing.replayed import Moment, Past, replayed
from krypton.bootstrap import Krypton
from krypton.erasing import exports
from krypton.queries.gate import Permit, permit

Limits = Callable[[Past], Iterable[str]]


@contextmanager
def answering(
    ours: Krypton,
    caller: Caller,
    task: str,
    *refs: str,
    moment: Moment | None = None,
    accesses: bool = False,
    whole: bool = False,
    unsealed: bool = False,
    limits: Limits = lambda _: (),
) -> Iterator[tuple[Past, Permit]]:
    """Replay, then have the question decided and recorded. ``refs``: one identity, or two.

    ``accesses``, ``whole``: see ``replayed``; ``limits``: the question's limits as text. Raises ViewRefused,
    ReasonMissing (X3), NotFound.
    """
    why(caller.reason or "")
    asked: dict[str, Any] = {"unsealed": unsealed}
    if not may(caller.role, task):
        permit(ours, caller, task, *refs, **asked)
    exports.follow(ours)
    identities = [str(ours.resolve(ref)) for ref in refs]
    with replayed(ours, identities, moment, accesses=accesses, whole=whole) as past:
        asked |= {"asked": limits(past), "spoken_of": past.identities}
        yield past, permit(ours, caller, task, *identities, **asked)
