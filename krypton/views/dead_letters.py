"""Lists, shows and replays the dead letters of all views, for operators."""

from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor

from adapters.eventstore.histories import events_of, head
from domain.work import Envelope
from krypton.bootstrap import Krypton
from krypton.vaults import destroy_again_of, sealed_still
from postgres.session import connect
from projections.engine import dead_letters
from projections.engine.parked import DeadLetter
from projections.engine.projection import Projection
from projections.engine.replays import Asked
from schemas.codec import Codec
from schemas.event import Record

Folded = Callable[[Krypton, DeadLetter], tuple[Projection, Codec]]


def letters(ours: Krypton, view: str | None) -> list[dict[str, Any]]:
    """Dead letters not yet replayed, oldest first."""
    with ours.snapshot() as connection:
        return [_shown(found) for found in dead_letters.waiting(connection, view)]


def letter(ours: Krypton, number: int) -> dict[str, Any]:
    """One dead letter. Raises NotFound."""
    with ours.snapshot() as connection:
        return _shown(dead_letters.show(connection, number))


def publish_again(ours: Krypton) -> None:
    """Their topic was made again: workers publish on it again what waits. Raises psycopg2.Error."""
    with closing(connect(ours.addresses.database, "dead letters")) as connection, connection:
        dead_letters.to_publish_again(connection)


def replay_letter(ours: Krypton, number: int, by: Envelope, folded: Folded) -> int:
    """Apply the events parked under the letter's key; returns how many. A repeated command id returns the first answer.

    Nobody who was erased comes back, whatever the vault holds and whose study it was. Who is in the identity index only
    now is matched: the policy found nobody before. ``folded``: which projection applies the letter, and with which
    codec. Raises NotFound, OtherCode, ReplayFailed.
    """
    from krypton.views.again import look_afresh
    from krypton.views.raise_due import IDENTITIES
    from projections.versions.masking import mask_owned

    with ours.snapshot() as connection:
        found = dead_letters.show(connection, number)
        erased = sorted(_erased(ours, connection, found))

    def then(cursor: Cursor, applied: Sequence[Record]) -> None:
        mask_owned(cursor, projection, erased)
        if projection.name == IDENTITIES:
            look_afresh(ours, cursor.connection, projection.version, applied)

    writing = connect(ours.addresses.database, "dead letters")
    try:
        projection, codec = folded(ours, found)
        return dead_letters.replay(
            writing,
            projection,
            codec,
            ident=number,
            by=Asked(by.actor, by.command_id),
            then=then,
        )
    finally:
        writing.close()


def _erased(ours: Krypton, connection: Connection, found: DeadLetter) -> frozenset[str]:
    """Who was erased of those of whom the letters tell, and whose their studies are; their keys are destroyed again."""
    told = list(sealed_still(ours.codec, (one.record.value for one in dead_letters.beside(connection, found))))
    studies = {study for _, data in told if (study := data.get("study_id"))}
    stored = events_of(connection, studies, head(connection))
    told += sealed_still(ours.codec, (one.state for one in stored))
    return destroy_again_of(ours, connection, {who for one in told for who in ours.codec.whose_keys(*one)})


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
        "forged": found.forged,
    }
