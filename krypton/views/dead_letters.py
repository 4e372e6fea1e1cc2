"""Lists, shows and replays the dead letters of all views, for operators."""

from typing import Any

import psycopg2

from domain.work import Envelope
from krypton.bootstrap import Krypton
from krypton.policies.fold import PREFIX, PolicyFold
from policies.all import POLICIES
from projections.engine import dead_letters
from projections.engine.parked import DeadLetter
from projections.engine.projection import Projection
from projections.engine.replays import Asked
from schemas.codec import Codec
from schemas.registry import registry
from streams.relay.outgoing import NoKeys


def letters(ours: Krypton, view: str | None) -> list[dict[str, Any]]:
    """Dead letters not yet replayed, oldest first."""
    with ours.reading() as connection:
        return [_shown(found) for found in dead_letters.waiting(connection, view)]


def letter(ours: Krypton, number: int) -> dict[str, Any]:
    """One dead letter. Raises NotFound."""
    with ours.reading() as connection:
        return _shown(dead_letters.show(connection, number))


def replay_letter(ours: Krypton, number: int, by: Envelope) -> int:
    """Apply the events parked under the letter's key; returns how many. A repeated command id returns the first answer.

    Raises NotFound, OtherCode, ReplayFailed.
    """
    with ours.reading() as connection:
        found = dead_letters.show(connection, number)
    writing = psycopg2.connect(ours.addresses.database)
    try:
        projection, codec = _folded(ours, found)
        return dead_letters.replay(writing, projection, codec, ident=number, by=Asked(by.actor, by.command_id))
    finally:
        writing.close()


def _folded(ours: Krypton, found: DeadLetter) -> tuple[Projection, Codec]:
    """What folds the letter: a view, or a policy, which opens nothing."""
    policy = POLICIES.get(found.view.removeprefix(PREFIX)) if found.view.startswith(PREFIX) else None
    if policy is not None:
        return PolicyFold(policy), Codec(registry(), NoKeys())
    return ours.folding(found.view, found.version), ours.codec


def _shown(found: DeadLetter) -> dict[str, Any]:
    record = found.record
    return {
        "id": found.id,
        "view": found.view,
        "version": found.version,
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "key": record.key.decode(errors="replace"),
        "reason": found.reason,
    }
