"""The rows of the cumulative dose, from real commands on a ledger in memory."""

from uuid import UUID

import pytest

from domain.commands.doses import AcknowledgeAlert
from domain.commands.studies import ReassignStudy
from projections.cumulative_dose.view import CumulativeDose
from projections.engine.projection import RowKey, UnknownEvent
from schemas.event import LedgerEvent
from tests.fakes.region import dose, exposure
from tests.fakes.rows import MemoryRows
from tests.fakes.views import Hospitals, folded, of_topics

HOT = dose("1.9.1", exposure("1.8.1", dose_rp_mgy=2_500.0), dose_rp_mgy=2_500.0)


def rows_of(region: Hospitals) -> MemoryRows:
    return folded(CumulativeDose(), of_topics(CumulativeDose(), region.history()))


def test_what_a_report_does_not_state_is_null_in_its_exposure() -> None:
    """Not known is never zero; an encoded zero is a known zero."""
    region = Hospitals()
    region.receive("CHA", "1", "1.2.1", dose("1.9.1", exposure("1.8.1", agd_mgy=0.0)))
    (row,) = rows_of(region).table("exposure").values()
    assert (row["agd_mgy"], row["dlp_mgycm"]) == (0.0, None)


def test_a_cumulative_report_supersedes_the_one_before() -> None:
    """The older report keeps its rows, and says which one holds all its events."""
    region = Hospitals()
    first, second = exposure("1.8.1", dlp_mgycm=7.46), exposure("1.8.2", dlp_mgycm=69.81)
    region.receive("CHA", "1", "1.2.1", dose("1.9.1", first))
    region.receive("CHA", "1", "1.2.1", dose("1.9.2", first, second))
    held = {uid: row["superseded_by"] for (_, uid), row in rows_of(region).table("report").items()}
    assert held == {"1.9.1": "1.9.2", "1.9.2": None}


def test_reassigning_a_study_moves_no_row() -> None:
    """A row more says whose the doses are from then on; reports and exposures are untouched."""
    region = Hospitals()
    other = region.register("CHB", "2")
    received = region.receive("CHA", "1", "1.2.1", HOT)
    before = rows_of(region).tables()
    region.ask(ReassignStudy(study=UUID(received.result["study"]), to_identity=UUID(other), reason="wrong patient"))
    after = rows_of(region).tables()
    owners = [row["identity_id"] for _, row in sorted(after.pop("dose_owner").items())]
    del before["dose_owner"]
    assert (owners, after) == ([received.result["identity"], other], before)


def test_an_acknowledged_alert_keeps_who_and_what_was_done() -> None:
    """The note is sealed under the identity that had the study then."""
    region = Hospitals()
    received = region.receive("CHA", "1", "1.2.1", HOT)
    (alert,) = rows_of(region).table("alert")
    command = AcknowledgeAlert(study=UUID(received.result["study"]), alert=UUID(alert[0]), note="skin checked")
    region.ask(command, actor="rpps:10000000001")
    row = rows_of(region).table("alert")[alert]
    told = row["acknowledged_by"], row["note"], row["note_subject"]
    assert told == ("rpps:10000000001", "skin checked", received.result["identity"])


def test_keys_name_only_rows_that_are_changed_in_part() -> None:
    """Reports and exposures are only added: a batch of reports fetches nothing."""
    region = Hospitals()
    one = exposure("1.8.1", dlp_mgycm=1.0)
    study = region.receive("CHA", "1", "1.2.1", dose("1.9.1", one)).result["study"]
    region.receive("CHA", "1", "1.2.1", dose("1.9.2", one, exposure("1.8.2")))
    view = CumulativeDose()
    keys = {event.type: list(view.keys(event)) for event in region.history() if event.type.startswith("dose.")}
    superseded = [RowKey("report", (study, "1.9.1"))]
    assert keys == {"dose.opened": [], "dose.reported": [], "dose.superseded": superseded}


def test_events_are_not_altered_by_folding_them() -> None:
    """A batch is applied again after a transient error: the second time must give the same rows."""
    region = Hospitals()
    region.receive("CHA", "1", "1.2.1", HOT)
    events = of_topics(CumulativeDose(), region.history())
    assert folded(CumulativeDose(), events).tables() == folded(CumulativeDose(), events).tables()


def test_a_field_that_a_later_schema_adds_does_not_stop_this_version() -> None:
    """It waits for a version of the view that has a column for it."""
    region = Hospitals()
    region.receive("CHA", "1", "1.2.1", HOT)
    events = of_topics(CumulativeDose(), region.history())
    for event in events:
        for shot in event.data.get("exposures", ()):
            shot["air_gap_mm"] = 5
    assert len(folded(CumulativeDose(), events).table("exposure")) == 1


def test_an_unknown_event_is_refused() -> None:
    """So that the processor parks it."""
    with pytest.raises(UnknownEvent, match=r"dose\.doubled"):
        folded(CumulativeDose(), [LedgerEvent(1, "dose.doubled", "x", 1, {})])
