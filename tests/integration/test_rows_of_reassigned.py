"""A study that was moved to somebody shows no text once they are erased, under whosever key it is sealed."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg2
import pytest

from domain.commands.studies import ReassignStudy, ReceivedReport
from projections.cumulative_dose import queries as doses
from projections.patient_record import queries as records
from projections.versions import masking
from schemas.event import ERASED
from tests.fakes.region import dose, exposure, received
from tests.integration.ruled_world import RuledWorld

pytestmark = pytest.mark.live
VIEWS = ("patient_record", "cumulative_dose")
WORDS = {"protocol": "Scout", "side": "left", "raw": {"0040A730": "words"}}
ALL = {"description of moved", "description of kept", "title of moved", "title of kept", "Scout"}
MOVED = {"description of moved", "title of moved"}


@dataclass
class Moved:
    """Of two studies of one person one was moved to another."""

    world: RuledWorld
    before: str
    now: str
    study: str

    def texts(self, version: int = 1) -> set[str]:
        """What rows say in words."""
        asked = (
            "SELECT description FROM patient_record_v{0}.study",
            "SELECT title FROM patient_record_v{0}.report",
            "SELECT protocol FROM cumulative_dose_v{0}.exposure",
        )
        return {text for sql in asked for (text,) in self.world.query(sql.format(version)) if text}

    def protocols(self, version: int = 1) -> dict[str, Any]:
        """By study."""
        return dict(self.world.query(f"SELECT study_id::text, protocol FROM cumulative_dose_v{version}.exposure"))


@pytest.fixture
def moved(installed_url: str, tmp_path: Path) -> Iterator[Moved]:
    world = RuledWorld(installed_url, tmp_path)
    studies: dict[str, str] = {}
    people: dict[str, str] = {}
    for number, (name, who) in enumerate({"moved": "before", "kept": "before", "other": "now"}.items(), 1):
        report = ReceivedReport(report_uid=f"1.2.{number}", kind="DOSE", title=f"title of {name}")
        said = dose(f"1.2.{number}", exposure(f"1.3.{number}") | WORDS)
        came = received("CHA", f"2.25.{number}", local_id=who, reports=(report,), doses=(said,))
        if name == "other":
            came = received("CHA", f"2.25.{number}", local_id=who)
        answer = world.ask(replace(came, description=f"description of {name}" if name != "other" else None))
        studies[name], people[who] = str(answer.result["study"]), str(answer.result["identity"])
    to = UUID(people["now"])
    world.ask(ReassignStudy(study=UUID(studies["moved"]), to_identity=to, reason="wrong person"))
    for view in VIEWS:
        world.work(view)
    yield Moved(world, people["before"], people["now"], studies["moved"])
    world.close()


def mask(moved: Moved, *erased: str) -> None:
    """As the policy does once these are erased."""
    with closing(psycopg2.connect(moved.world.url)) as connection:
        for view in VIEWS:
            masking.mask(connection, moved.world.ours.projection(view, 1), erased)


def test_a_moved_study_shows_no_text_to_readers_in_rows_and_in_versions_that_are_built_later(moved: Moved) -> None:
    """Whose it was keeps the rest; once they are erased too, nobody can open that."""
    hold_nothing_for_readers(moved)
    assert moved.texts() == ALL
    mask(moved, moved.now)
    assert moved.texts() == ALL - MOVED | {ERASED}
    assert [text for study, text in moved.protocols().items() if study == moved.study] == [None]
    moved.world.erased = [moved.now]
    for view in VIEWS:
        assert moved.world.build(view) == 2
        summary, _ = moved.world.differs(view, 2)
        assert summary["equal"], summary
    assert moved.texts(2) == moved.texts(1)
    mask(moved, moved.before)
    assert moved.texts() == {ERASED}


def hold_nothing_for_readers(moved: Moved) -> None:
    """Before rows are overwritten."""
    with closing(psycopg2.connect(moved.world.url)) as connection:
        found = {one["study"]: one for one in records.record(connection, [moved.now], [moved.now])["studies"]}
        study = found[moved.study]
        assert (study["description"], study["reports"][0]["title"]) == (ERASED, ERASED)
        shown = doses.dose(connection, [{"identity": moved.now}], [moved.now])
        assert [one["protocol"] for one in shown["exposures"]] == [ERASED]
        kept = records.record(connection, [moved.before], [moved.now])["studies"]
        assert [one["description"] for one in kept] == ["description of kept"]
