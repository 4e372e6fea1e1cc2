"""Recounts a study that grew against an opposition to feeding, for readers who see only the earlier batches.

The view keeps one row per study with all batches in it, so the counts are computed again from the study's own events.
"""

from collections.abc import Collection
from typing import Any, Final

from psycopg2.extensions import connection as Connection

from adapters.eventstore.histories import events_of, withdrawn
from domain.sight import Sight
from projections.engine.query import NOW
from projections.patient_record import queries
from projections.patient_record.batches import grown
from schemas.codec import Codec

Document = dict[str, Any]
BATCHES: Final = ("study.arrived", "study.extended")
NOTHING: Final[Document] = {"modalities": [], "series": {}, "instances": 0}


def record(
    events: Connection,
    views: Connection,
    codec: Codec,
    members: Collection[str],
    erased: Collection[str],
    sight: Sight,
    upto: int = NOW,
) -> Document:
    """``studies`` and ``orders`` of ``record show`` as this reader sees them, after a ledger position.

    ``events``, ``views``: connections to the event store and to the views. A study is hidden as soon as it is
    withdrawn, also where the view has not read that yet.
    """
    found = queries.record(views, list(members), erased, sight)
    if gone := withdrawn(events, [study["study"] for study in found["studies"]], upto):
        found["studies"] = [study for study in found["studies"] if study["study"] not in gone]
        found["withdrawn"] += len(gone)
    late = queries.grown_late(views, list(members), sight)
    if late:
        counts = counted(events, codec, late, sight, upto)
        seen = [study | counts.get(study["study"], {}) for study in found["studies"]]
        if "withheld" in found:
            pairs = zip(found["studies"], seen, strict=True)
            found["withheld"] += sum(whole["instances"] != part["instances"] for whole, part in pairs)
        found["studies"] = seen
    return found


def counted(
    connection: Connection, codec: Codec, studies: Collection[str], sight: Sight, upto: int = NOW
) -> dict[str, Document]:
    """What studies of one person hold that grew against an opposition, by id: as far as this reader sees it."""
    found: dict[str, Document] = {}
    for stored in events_of(connection, studies, upto):
        if stored.type in BATCHES:
            _, data = codec.decode(stored.state, stored.version, unseal=False)
            site = data.get("site") or found[stored.aggregate_id]["site"]
            held = found.setdefault(stored.aggregate_id, NOTHING | {"site": site})
            if not sight.withholds(stored.position, [site]):
                held.update(grown(held, data))
    return {study: _told(held) for study, held in found.items()}


def _told(held: Document) -> Document:
    return {"modalities": held["modalities"], "series": len(held["series"]), "instances": held["instances"]}
