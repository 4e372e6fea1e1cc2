"""The generated region that tests and benchmarks use: same seed, same events; valid, and in a region's proportions."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import islice
from statistics import median

import pytest

from bench import history
from bench.history import COHORT, START_US, Happened, History
from schemas.codec import Codec
from schemas.registry import registry
from tests.fakes.vault import EagerVault

PEOPLE = 2 * COHORT


def lived(seed: int, cohorts: int = 1) -> Iterator[tuple[int, Happened]]:
    made, position = History(seed), 0
    for cohort in islice(made.cohorts(), cohorts):
        for position, event in made.lived(cohort, position):  # noqa: B020  # it goes on
            yield position, event


@pytest.fixture(scope="module")
def region() -> list[tuple[int, Happened]]:
    """4,000 people."""
    return list(lived(7, 2))


def test_the_same_seed_is_the_same_history(region: list[tuple[int, Happened]], monkeypatch: pytest.MonkeyPatch) -> None:
    """``region`` is of seed 7, too."""
    assert list(islice(lived(7), 5_000)) == region[:5_000]
    monkeypatch.setattr(history, "COHORT", 1)  # the first event is enough
    assert next(lived(4)) != region[0]


def test_positions_go_on_without_a_gap(region: list[tuple[int, Happened]]) -> None:
    assert [position for position, _ in region] == list(range(1, len(region) + 1))


def test_each_aggregate_happens_in_its_own_order(region: list[tuple[int, Happened]]) -> None:
    versions: dict[str, list[int]] = defaultdict(list)
    for _, event in region:
        versions[event.aggregate].append(event.version)
    assert all(found == list(range(1, len(found) + 1)) for found in versions.values())


def test_shares_are_a_regions(region: list[tuple[int, Happened]]) -> None:
    """One person in a hundred is merged, one merge in ten taken back; few people have most of the studies."""
    types = Counter(event.type for _, event in region)
    assert 0.006 < types["link.merged"] / PEOPLE < 0.014
    assert 0.02 < types["link.unmerged"] / types["link.merged"] < 0.25
    assert 1.3 < types["identity.registered"] / PEOPLE < 1.8
    studies = Counter(event.body["identity_id"] for _, event in region if event.type == "study.arrived")
    assert median(studies.values()) <= 2
    assert max(studies.values()) > 30


def test_a_merge_names_where_its_sides_were_registered(region: list[tuple[int, Happened]]) -> None:
    registered = {event.key: position for position, event in region if event.type == "identity.registered"}
    merges = [event.body for _, event in region if event.type == "link.merged"]
    assert all(body[f"{side}_registered"] == registered[body[side]] for body in merges for side in ("low", "high"))


def test_every_type_of_event_is_as_the_ledger_writes_it(region: list[tuple[int, Happened]]) -> None:
    """It encodes by its schema, and reads back as it was."""
    codec, envelope = Codec(registry(), EagerVault()), {"recorded_at": START_US, "actor": "system:bench"}
    of_each_type = {event.type: event for _, event in region}
    for event in of_each_type.values():
        body = envelope | History().ids() | event.body | {registry().of_type(event.type).aggregate: event.aggregate}
        raw = codec.encode(event.type, body, aggregate_id=event.aggregate, version=event.version)
        schema, data = codec.decode(raw, event.version)
        assert schema.type == event.type
        assert {name: data[name] for name in body} == body
    assert len(of_each_type) >= 15
