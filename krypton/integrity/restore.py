"""``krypton restore event-store --from-kafka``: adds events to the event store that only Kafka still has.

Nothing is overwritten. If the two logs differ at a position, or the restored tree would not have a signed root, nothing
is added from there on and the difference is reported. Events after the last checkpoint are not proven by a signature: a
crash can leave some, but so can anybody who may write to Kafka. They are restored only on request (``--unsigned``).
At the end the keys of erased people are destroyed again: a backup of the vault can be older than an erasure. What
decisions look up is made again from the log.
"""

from dataclasses import replace

from adapters.eventstore import decision_tables_again
from adapters.eventstore.repair import Repair
from adapters.eventstore.scan import Scan
from krypton.bootstrap import Krypton
from krypton.integrity.checkpoints import Heads
from krypton.integrity.restored_events import Advance, Restored, restored
from krypton.vaults import destroy_again
from schemas.codec import Codec
from schemas.registry import registry
from streams.reading import record_source
from streams.reading.replay import Replay
from streams.reading.side_by_side import Comparison
from streams.relay import outbox
from streams.relay.outgoing import NoKeys


def restore(ours: Krypton, heads: Heads, advance: Advance = lambda _: None, *, unsigned: bool = False) -> Restored:
    """Add to the event store the events that only Kafka has, in position order, and the commands' records.

    A part is kept once the tree has a signed root again; what came after the last checkpoint, at the end, and only
    where it is asked for (``unsigned``). Raises LedgerAltered, psycopg2.Error, KafkaError.
    """
    try:
        with Replay(ours.addresses.kafka) as replay, Repair(ours.addresses.database) as repair:
            parts = record_source.parts(ours.addresses.kafka, replay)
            repair.hold()
            with Scan(ours.addresses.database) as scan:
                done = restored(
                    Comparison(scan, parts, registry()).windows(),
                    repair,
                    heads,
                    advance,
                    unsigned=unsigned,
                    ids=ours.ids,
                )
    finally:  # whatever was refused: what was kept may tell of erasures
        keys = destroy_again(ours)
        look_up_again(ours)
        outbox.forget(ours.addresses.database)  # it may be as old as the backup: the log goes far beyond it
    return replace(done, keys=keys)


def look_up_again(ours: Krypton) -> int:
    """Make what decisions look up again from the event store; returns how many rows were removed and added.

    Raises LedgerAltered.
    """
    return decision_tables_again.rebuild(ours.addresses.database, Codec(registry(), NoKeys()))
