"""An auditor's question on its way: passes the gate, recorded with all of whom the answer may speak, then is answered.

Who that is can only be told once the person's past is replayed, so that is done first, and shown to nobody. Somebody
whose task it is not is refused before.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from domain.actors import Caller
from domain.commands.accesses import why
from domain.tasks import may
from krypton.auditing.replayed import Moment, Past, replayed
from krypton.bootstrap import Krypton
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

    ``accesses``, ``whole``: see ``replayed``; ``limits``: those of the question, in words. Raises ViewRefused,
    ReasonMissing (X3), NotFound.
    """
    why(caller.reason or "")
    asked: dict[str, Any] = {"unsealed": unsealed}
    if not may(caller.role, task):
        permit(ours, caller, task, *refs, **asked)
    identities = [str(ours.resolve(ref)) for ref in refs]
    with replayed(ours, identities, moment, accesses=accesses, whole=whole) as past:
        asked |= {"asked": limits(past), "spoken_of": past.identities}
        yield past, permit(ours, caller, task, *identities, **asked)
