"""Checks a ledger at rest against what was acknowledged: event store, Kafka, each view, the archive and the outbox.

It folds each view in memory from the event store, and asks no view for what another is compared with.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from adapters.dicom.inlet import spool_at
from adapters.outbox import operators
from domain.times import micros
from krypton.integrity.verify import Question, verify
from projections.declared import VIEWS
from projections.identity_index import due as matching
from projections.versions import catalog
from schemas.event import LedgerEvent
from streams.broker.topics import LEDGER
from tests.chaos.fold import folded, shown, stored
from tests.chaos.load import STUDIES, Acknowledged, Load
from tests.fakes.dicom import SITE
from tests.integration.live_ledger import LiveLedger, read_log
from tests.integration.proof_world import heads

INDEX: Final = "identity_index"
RECORD: Final = "patient_record.study"


def findings(ledger: LiveLedger, load: Load) -> Iterator[str]:
    """What is wrong, a line each; nothing where all is right."""
    for part in PARTS:
        yield from part(ledger, load)


def kafka(ledger: LiveLedger, _: Load) -> Iterator[str]:
    """Kafka holds what the event store holds."""
    try:
        equal = read_log(ledger.krypton.addresses.kafka, list(LEDGER)) == ledger.stored()
    except (KeyError, ValueError):  # not even our headers
        equal = False
    if not equal:
        yield "kafka: its records are not the event store's, once each and in order"


def views(ledger: LiveLedger, _: Load) -> Iterator[str]:
    """Each view is a fold of the event store."""
    events = stored(ledger)
    for name in VIEWS:
        yield from view(ledger, name, events)


def view(ledger: LiveLedger, name: str, events: Sequence[LedgerEvent]) -> Iterator[str]:
    """One view is a fold of these events, all that the event store holds."""
    projection = ledger.krypton.projection(name)
    try:
        equal = shown(ledger, projection) == folded(events, projection)
    except (KeyError, TypeError):  # an event is missing on which a later one rests
        equal = False
    if not equal:
        yield f"view {name}: its rows are not a fold of the event store"


def store(ledger: LiveLedger, load: Load) -> Iterator[str]:
    """Each acknowledged command is there, with the positions that its asker was told."""
    acknowledged: list[Acknowledged] = load.acknowledged
    rows = ledger.query("SELECT command_id::text, positions FROM ledger.command")
    known = {command: tuple(positions) for command, positions in rows}
    lost = [one for one in acknowledged if known.get(str(one.command_id)) != one.positions]
    if lost:
        yield f"event store: of {len(acknowledged)} acknowledged commands {len(lost)} are lost or other: {lost[0]}, …"
    (held,) = ledger.query("SELECT array_agg(id) FROM ledger.ledger_events")
    gone = {position for one in acknowledged for position in one.positions} - set(held[0])
    if gone:
        yield f"event store: {len(gone)} acknowledged positions hold no event, first {min(gone)}"


def archive(ledger: LiveLedger, load: Load) -> Iterator[str]:
    """Each image that was answered with success is on disk, and counted in the record; none is counted twice."""
    images = load.images
    spool = spool_at(ledger.krypton.settings.instances)
    if lost := [uid for uid in images if not spool.claim(SITE, uid).is_file()]:
        yield f"archive: {len(lost)} of {len(images)} answered images are not on disk, first {lost[0]}"
    kept = sum(path.is_file() for path in (spool.root / spool.form.folder).rglob("*"))
    studies = f"SELECT coalesce(sum(instances), 0) FROM {RECORD} WHERE study_uid LIKE '{STUDIES}%%'"
    ((counted,),) = ledger.query(studies)
    if counted != kept:
        yield f"archive: {kept} images are on disk, and the record counts {counted}"


def outbox(ledger: LiveLedger, _: Load) -> Iterator[str]:
    """All that policies decided is done, each notice is delivered, and no rule still asks for a merge."""
    ours = ledger.krypton
    done = ledger.query("SELECT id::text FROM policies.outbox WHERE kind = 'delivery' AND state = 'done'")
    notices, due = {file.stem for file in ours.settings.notices.glob("*.json")}, {entry for (entry,) in done}
    if notices != due:
        yield f"outbox: {len(due - notices)} notices are lost, and {len(notices - due)} were never decided"
    with ours.snapshot() as connection:
        for policy, counts in operators.counts(connection, micros(ours.ledger.clock())).items():
            for state in ("parked", "due", "retrying"):
                if counts.get(state):
                    yield f"policy {policy}: {counts[state]} entries are {state}"
        schema = f"{INDEX}_v{catalog.live_version(connection, INDEX)}"
        left = matching.due(connection, schema)
        if left.merges or left.unmerges:
            yield f"matching: {len(left.merges)} merges and {len(left.unmerges)} unmerges that rules ask for are open"


def audit(ledger: LiveLedger, _: Load) -> Iterator[str]:
    """Nothing was put aside, and an auditor finds nothing."""
    for view, reason in ledger.query("SELECT view, reason FROM views.dead_letter"):
        yield f"view {view}: a record is a dead letter ({reason})"
    verdict = verify(ledger.krypton, Question(heads(ledger.krypton)))
    for finding in verdict.found:
        yield f"audit verify: {finding}"


PARTS: Final = (store, kafka, views, archive, outbox, audit)
"""Each by itself."""
