"""What an establishment announces of a stay counts for retention, once a day, and is nothing to matching or readers."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from adapters.hl7.desk import Desk
from domain.aggregates.identity import Identity
from domain.commands.erasures import ApproveErasure, RequestErasure
from domain.errors import StillRetained
from domain.retention import Ground
from tests.fakes import hl7
from tests.fakes.hl7 import SITE, pid, sent
from tests.fakes.policies import MemoryEngine
from tests.fakes.region import received

TODAY = "20260105"


@pytest.fixture
def ledger() -> hl7.Ledger:
    return hl7.Ledger()


@pytest.fixture
def taken(ledger: hl7.Ledger) -> Desk:
    return hl7.desk(ledger)


def pv1(admitted: str) -> str:
    """A visit since then."""
    return "|".join(["PV1", "1", "I"] + [""] * 41 + [admitted])


def examined_long_ago(ledger: hl7.Ledger) -> UUID:
    """Number 1 is known by an archive of 1999 alone."""
    stated: dict[str, str | None] = {"family": "FICTIVE", "given": "MARIE", "birth_date": "1950-03-12", "sex": "F"}
    came = replace(received(SITE, "2.25.1999", local_id="1", stated=stated), started_at="1999-02-02T08:00:00")
    ledger.ask(came, "operator:archives")
    return Identity.create_id(ledger.ids, SITE, "1")


def request(ledger: hl7.Ledger, identity: UUID, ground: str = "end_of_retention") -> None:
    asked = RequestErasure(identity=identity, ground=ground, reference="list 2026")
    ledger.ask(asked, "operator:martin")


def seen(ledger: hl7.Ledger) -> list[str]:
    """The days that were kept."""
    return [event.data["day"] for event in ledger.history() if event.type == "identity.seen"]


@pytest.mark.parametrize("event", ["A01", "A04", "A05"])
def test_whoever_is_admitted_today_is_kept_from_today(ledger: hl7.Ledger, taken: Desk, event: str) -> None:
    her = examined_long_ago(ledger)
    assert sent(taken, event, "m1", pid(), pv1(f"{TODAY}0730")).verdict == "AA"
    with pytest.raises(StillRetained, match="kept until 2046-01-05"):
        request(ledger, her)


def test_whoever_is_new_with_a_stay_is_kept_though_an_old_archive_follows(ledger: hl7.Ledger, taken: Desk) -> None:
    sent(taken, "A01", "m1", pid(), pv1("20251230"))
    her = examined_long_ago(ledger)
    with pytest.raises(StillRetained, match="kept until 2045-12-30"):
        request(ledger, her)


@pytest.mark.parametrize("event", ["A28", "A08", "A31"])
def test_what_is_no_stay_keeps_nobody(ledger: hl7.Ledger, taken: Desk, event: str) -> None:
    her = examined_long_ago(ledger)
    assert sent(taken, event, "m1", pid(), pv1(TODAY)).verdict == "AA"
    request(ledger, her)


def test_a_stay_of_before_the_last_exam_shortens_nothing(ledger: hl7.Ledger, taken: Desk) -> None:
    sent(taken, "A01", "m1", pid(), pv1("20100601"))
    her = Identity.create_id(ledger.ids, SITE, "1")
    with pytest.raises(StillRetained, match="kept until 2046-01-05"):  # she was registered today
        request(ledger, her)


@pytest.mark.parametrize("ground", [*Ground])
def test_a_stay_after_the_approval_stops_the_erasure(ledger: hl7.Ledger, taken: Desk, ground: Ground) -> None:
    """Whoever is registered in error is not admitted; and a court did not know of it either."""
    her, engine = examined_long_ago(ledger), MemoryEngine(ledger)
    request(ledger, her, ground)
    ledger.ask(ApproveErasure(identity=her), "operator:durand")
    engine.run()
    sent(taken, "A01", "m1", pid(), pv1(TODAY))
    ledger.clock.now += timedelta(days=31)  # type: ignore[attr-defined]  # the clock is a FixedClock
    engine.run()
    last = ledger.history()[-1]
    assert (last.type, last.data["rule"]) == ("erasure.stopped", "F7")


@pytest.mark.parametrize(
    ("evn", "admitted", "day"),
    [
        ("20260105080000", "20260103", "2026-01-03"),
        ("20260104080000", "", "2026-01-04"),
        ("20260104080000", "x", "2026-01-04"),
        ("20260104080000", "20261301", "2026-01-04"),
        ("20260104080000", "20270301", "2026-01-04"),
        ("20260104080000", "19400301", "2026-01-04"),
        ("20260104080000", "19990202", "2026-01-04"),
        ("", "20270301", "2026-01-05"),
    ],
    ids=["stated", "not stated", "no date", "no day", "ahead", "before birth", "a slip", "as of the message"],
)
def test_the_day_is_the_first_stated_that_can_be(
    ledger: hl7.Ledger, taken: Desk, evn: str, admitted: str, day: str
) -> None:
    said = hl7.message("A01", "m1", pid(), pv1(admitted)).replace(b"EVN||20260105080000", f"EVN||{evn}".encode())
    assert hl7.Answered(taken.answer(said)).verdict == "AA"
    assert seen(ledger) == [day]


def test_a_day_is_kept_once_and_an_earlier_one_is_not(ledger: hl7.Ledger, taken: Desk) -> None:
    sent(taken, "A04", "m1", pid(), pv1("20260104"))
    for control_id, event, admitted in (
        ("m1", "A04", "20260104"), ("m2", "A01", "20260104"), ("m3", "A05", "20251201")
    ):  # fmt: skip
        head = ledger.recorder.max_notification_id()
        assert sent(taken, event, control_id, pid(), pv1(admitted)).verdict == "AA"
        assert ledger.recorder.max_notification_id() == head
    sent(taken, "A01", "m4", pid(), pv1("20260105"))
    assert seen(ledger) == ["2026-01-04", "2026-01-05"]


def test_the_day_is_sealed(ledger: hl7.Ledger, taken: Desk) -> None:
    sent(taken, "A01", "m1", pid(), pv1(TODAY))
    stored: Any = [one for one in ledger.recorder.select_notifications(1, 100) if one.topic == "identity.seen"]
    assert stored
    assert all(b"2026-01-05" not in one.state for one in stored)
