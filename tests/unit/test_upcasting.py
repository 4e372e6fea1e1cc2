"""An event that an older program wrote, read by this one: ``link.unmerged`` version 1, which named no rule version.

The older program is this one without the newer schemas of what it writes here: what it writes is what lies in ledgers
and topics. It sealed reasons under the lower side of a pair alone, too.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest

from domain.aggregates.link import Link
from domain.commands.links import Merge, Unmerge
from domain.held import Held
from domain.ledger import Ledger
from domain.storing import LedgerMapper
from projections.identity_index.view import IdentityIndex
from schemas.bulk import BulkCodec
from schemas.codec import Codec
from schemas.event import ERASED, LedgerEvent, Record
from schemas.registry import Registry, registry
from tests.fakes.ids import IDS
from tests.fakes.region import Region, rules_in_force
from tests.fakes.views import folded, of_topics
from tests.fakes.weighing import NOBODY
from tests.samples import FOLDER, VERSION, FixedVault

OLD, NEW = "link.unmerged.v1", "link.unmerged.v3"
SAMPLE = (FOLDER / f"{OLD}.bin").read_bytes()


@contextmanager
def older_program(ledger: Ledger) -> Iterator[None]:
    """What is decided meanwhile is written with the schemas of then."""
    newer = ("link.merged",)  # of which this program's aggregate needs a field that its first version lacks
    then = Registry([schema for schema in registry() if schema.version == 1 or schema.type in newer])
    assert isinstance(ledger.mapper, LedgerMapper)
    now, ledger.mapper.codec = ledger.mapper.codec, Codec(then, ledger.vault)
    yield
    ledger.mapper.codec = now


@pytest.fixture
def region() -> Region:
    """A pair that an older program merged by rule and unmerged."""
    made = Region()
    one, other = made.persons("1", "2")
    with older_program(made):
        rules_in_force(made)
        made.ask(Merge(one=one, other=other, reason="alike", rule="strict", rule_version=1))
        rules_in_force(made, version=2, **NOBODY)
        made.ask(Unmerge(one=one, other=other, reason="not enough", rule="matching", rule_version=2))
    return made


def pair(region: Region) -> dict[str, Any]:
    one, other = (UUID(e.aggregate_id) for e in region.history() if e.type == "identity.registered")
    return {"one": one, "other": other, "reason": "essai"}


def record(raw: bytes) -> Record:
    return Record("krypton.links", 0, 0, b"key", raw, (("position", b"9"), ("version", str(VERSION).encode())))


def test_the_older_program_wrote_the_older_version(region: Region) -> None:
    """Else the tests below prove nothing."""
    stored = list(region.recorder.select_notifications(0, 1_000))[-1]
    assert Codec(registry(), region.vault).schema_of(stored.state).name == OLD


def test_the_stored_sample_is_read_with_the_default_and_nothing_else_changed() -> None:
    schema, decoded = Codec(registry(), FixedVault()).decode(SAMPLE, VERSION)
    assert schema.name == NEW
    assert decoded == json.loads((FOLDER / f"{OLD}.json").read_text()) | {"rule_version": 0}


def test_bulk_reading_agrees_whatever_versions_a_batch_mixes() -> None:
    """A rebuild reads old events among new ones."""
    newer = (FOLDER / f"{NEW}.bin").read_bytes()
    records = [record(raw) for raw in (SAMPLE, newer, SAMPLE)]
    plain = [Codec(registry(), FixedVault()).read(one) for one in records]
    assert BulkCodec(registry(), FixedVault()).read_batch(records) == plain
    assert [event.data["rule_version"] for event in plain] == [0, plain[1].data["rule_version"], 0]


def test_the_aggregate_folds_the_old_event(region: Region) -> None:
    asked = pair(region)
    link = region.find(Link, Link.create_id(IDS, *sorted((asked["one"], asked["other"]))))
    assert link is not None
    assert (link.held, link.parted_by_human) == (Held.OPEN, False)


def test_the_newer_program_goes_on_where_the_older_one_stopped(region: Region) -> None:
    """L5: a rule may merge again what a rule unmerged; this time the unmerge names its version."""
    rules_in_force(region, version=3)
    region.ask(Merge(**pair(region), rule="strict", rule_version=3))
    rules_in_force(region, version=4, **NOBODY)
    region.ask(Unmerge(**pair(region), rule="matching", rule_version=4))
    said = [e.data["rule_version"] for e in region.history() if e.type == "link.unmerged"]
    assert said == [0, 4]


def test_the_index_has_the_rows_it_had(region: Region) -> None:
    """All but the version, which the older program did not know."""
    events = of_topics(IdentityIndex(), region.history(region.start))
    now, then = (folded(IdentityIndex(), told).tables() for told in (events, [_as_then(event) for event in events]))
    versions = [(row["type"], row.pop("rule_version")) for row in now["statement"].values()]
    assert [version for said, version in versions if said == "link.unmerged"] == [0]
    for row in then["statement"].values():
        row.pop("rule_version")
    assert now == then


def _as_then(event: LedgerEvent) -> LedgerEvent:
    """The event as the older program decoded it."""
    if event.type != "link.unmerged":
        return event
    kept = {name: value for name, value in event.data.items() if name != "rule_version"}
    return LedgerEvent(event.position, event.type, event.aggregate_id, event.version, kept)


def test_persons_are_the_same_for_both_programs(region: Region) -> None:
    asked = pair(region)
    assert region.membership().person_of(str(asked["one"])) == {str(asked["one"])}


@pytest.mark.parametrize("side", ["low", "high"])
@pytest.mark.parametrize(
    "event_type", sorted({s.type for s in registry() if s.sealed and "low" in s.sealed.get("reason", ())})
)
def test_a_reason_that_was_sealed_under_one_side_is_gone_with_either(event_type: str, side: str) -> None:
    """From then on whoever reads it, one by one or by the thousand, is told that it was erased."""
    vault = FixedVault()
    for name in sorted(path.stem for path in FOLDER.glob(f"{event_type}.v*.bin")):
        raw, kept = (FOLDER / f"{name}.bin").read_bytes(), json.loads((FOLDER / f"{name}.json").read_text())
        vault.destroy(kept[side])
        assert Codec(registry(), vault).decode(raw, VERSION)[1]["reason"] == ERASED
        (event,) = BulkCodec(registry(), vault).read_batch([record(raw)])
        assert isinstance(event, LedgerEvent)
        assert event.data["reason"] == ERASED
