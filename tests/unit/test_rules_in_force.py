"""Which rules decide: those that a view was promoted with, last; publishing alone changes no decision."""

from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.commands.rules import PublishRules
from domain.commands.views import Dropped, Promoted, RolledBack
from domain.dose_alerts import AlertRules
from domain.dose_levels import ReferenceLevels
from domain.errors import NotFound
from domain.rules.document import RuleId, document
from domain.rules.matching import MatchingRules
from domain.work import Envelope
from tests.fakes.ledger import MemoryLedger
from tests.fakes.region import put_in_force
from tests.fakes.weighing import of_equal_fields
from tests.unit.refusals_of_rules import ALERTS, LEVEL, LEVELS, MATCHING

STRICTER = AlertRules(2, 1500.0, 100_000.0)


@pytest.fixture
def ledger() -> MemoryLedger:
    """A ledger in which ``dose-alerts@2`` and ``matching@1`` are published."""
    made = MemoryLedger()
    for content in (ALERTS, MATCHING):
        made.ask(PublishRules(document=document(content)))
    return made


def promote(ledger: MemoryLedger, view: str = "cumulative_dose", version: int = 2, **rules: int) -> None:
    """``rules``: kinds with an underscore for the hyphen."""
    named = {kind.replace("_", "-"): number for kind, number in rules.items()}
    ledger.ask(Promoted(view=view, version=version, former=version - 1, rules=named, summary={"changed": 3}))


def test_before_any_promotion_the_built_in_thresholds_decide_and_nothing_else() -> None:
    rules = MemoryLedger().rules()
    assert rules.alerts == AlertRules(1, 2_000.0, 200_000.0)
    assert rules.matching == MatchingRules()
    assert rules.levels(date(2026, 1, 1)) == ReferenceLevels(0, ())


def test_publishing_changes_no_decision(ledger: MemoryLedger) -> None:
    assert ledger.rules().alerts == AlertRules()
    assert ledger.rules().matching == MatchingRules()


def test_a_promotion_puts_the_rules_of_its_view_in_force(ledger: MemoryLedger) -> None:
    promote(ledger, dose_alerts=2)
    assert ledger.rules().alerts == STRICTER


def test_a_promotion_of_a_view_that_names_no_such_kind_leaves_it(ledger: MemoryLedger) -> None:
    promote(ledger, dose_alerts=2)
    promote(ledger, "identity_index", matching=1)
    promote(ledger, "patient_record")
    others = {"reference-levels": 0, "plausible-doses": 1}
    assert ledger.rules().in_force == {"dose-alerts": 2, "matching": 1, **others}


def test_a_rollback_puts_the_former_rules_in_force_again(ledger: MemoryLedger) -> None:
    promote(ledger, dose_alerts=2)
    ledger.ask(RolledBack(view="cumulative_dose", version=1, former=2, rules={"dose-alerts": 1}))
    assert ledger.rules().alerts == AlertRules()


def test_a_rollback_to_a_version_without_matching_rules_ends_them(ledger: MemoryLedger) -> None:
    promote(ledger, "identity_index", matching=1)
    assert ledger.rules().matching.version == 1
    ledger.ask(RolledBack(view="identity_index", version=1, former=2, rules={"matching": 0}))
    assert ledger.rules().matching == MatchingRules()


def test_rules_of_equal_fields_that_an_older_program_put_in_force_are_kept_and_decide_nothing() -> None:
    """They stay what was published, for whoever asks why two were merged then."""
    ledger = MemoryLedger()
    put_in_force(ledger, told := of_equal_fields())
    rules, today = ledger.rules(), ledger.clock().date()
    assert rules.in_force["matching"] == 1
    assert (rules.document(told.id), rules.matching) == (told, MatchingRules(1))
    assert not rules.decides(told.id, today)
    put_in_force(ledger, document(MATCHING | {"version": 2}))
    assert ledger.rules().decides(RuleId("matching", 2), today)


def test_dropping_a_version_changes_no_decision(ledger: MemoryLedger) -> None:
    promote(ledger, dose_alerts=2)
    ledger.ask(Dropped(view="cumulative_dose", version=1))
    assert ledger.rules().alerts == STRICTER


@pytest.mark.parametrize("named", [{"dose-alerts": 9}, {"consents": 1}], ids=str)
def test_what_nobody_published_decides_nothing(ledger: MemoryLedger, named: dict[str, int]) -> None:
    ledger.ask(Promoted(view="cumulative_dose", version=2, former=1, rules=named))
    assert ledger.rules().alerts == AlertRules()


def test_published_rules_are_found_by_their_id(ledger: MemoryLedger) -> None:
    assert ledger.rules().get(RuleId("dose-alerts", 2)) == STRICTER
    assert ledger.rules().get(RuleId("dose-alerts", 1)) == AlertRules()
    with pytest.raises(NotFound, match="rules dose-alerts@3 were not published: see krypton rules list"):
        ledger.rules().get(RuleId("dose-alerts", 3))


def test_a_promotion_is_an_event_with_who_and_what_differed(ledger: MemoryLedger) -> None:
    by = Envelope("rpps:10101201233", uuid4())
    told: dict[str, Any] = {"view": "cumulative_dose", "version": 2, "former": None}
    ledger.execute(Promoted(**told, rules={"dose-alerts": 2}, summary={"gone": 1, "added": 2}), by)
    opened, promoted = ledger.history()[-2:]
    assert (opened.type, promoted.type) == ("view.opened", "view.promoted")
    said = {"actor": by.actor, "rules": {"dose-alerts": 2}, "summary": '{"added":2,"gone":1}', **told}
    assert {name: promoted.data[name] for name in said} == said


def test_recording_a_promotion_again_under_its_command_id_is_harmless(ledger: MemoryLedger) -> None:
    by = Envelope(command_id=UUID(int=7))
    command = Promoted(view="cumulative_dose", version=2, former=1, rules={"dose-alerts": 2})
    first = ledger.execute(command, by)
    assert ledger.execute(command, by) == first
    assert [event.type for event in ledger.history()].count("view.promoted") == 1


TEXTS = ((2011, "2012-01-14", "2019-05-29"), (2019, "2019-05-30", None))


def levels_of(ledger: MemoryLedger, day: str) -> int:
    return ledger.rules().levels(date.fromisoformat(day)).version


def publish_levels(ledger: MemoryLedger, version: int, begins: str, ends: str | None) -> None:
    body = {"levels": [LEVEL]} | ({"in_force_to": ends} if ends else {})
    ledger.ask(PublishRules(document=document(LEVELS | {"version": version, "in_force_from": begins, "body": body})))


def test_the_text_in_force_on_the_day_of_an_exam_is_found_by_its_days() -> None:
    ledger = MemoryLedger()
    for version, begins, ends in TEXTS:
        publish_levels(ledger, version, begins, ends)
    days = ("2012-01-13", "2012-01-14", "2019-05-29", "2019-05-30", "2026-01-01")
    assert [levels_of(ledger, day) for day in days] == [0, 2011, 2011, 2019, 2019]


def test_a_text_that_has_ended_is_in_force_no_more_though_none_followed() -> None:
    ledger = MemoryLedger()
    publish_levels(ledger, *TEXTS[0])
    assert [levels_of(ledger, day) for day in ("2019-05-29", "2019-05-30")] == [2011, 0]


def test_a_correction_of_an_old_text_takes_its_place_and_not_that_of_the_later_one() -> None:
    ledger = MemoryLedger()
    for version, begins, ends in (*TEXTS, (2020, "2012-01-14", "2019-05-29")):
        publish_levels(ledger, version, begins, ends)
    assert [levels_of(ledger, day) for day in ("2015-01-01", "2026-01-01")] == [2020, 2019]


def test_levels_that_a_view_was_promoted_with_are_not_thereby_those_of_the_day() -> None:
    ledger = MemoryLedger()
    for version, begins, ends in TEXTS:
        publish_levels(ledger, version, begins, ends)
    promote(ledger, reference_levels=2011)
    today = ledger.clock().date()
    assert [ledger.rules().decides(RuleId("reference-levels", year), today) for year in (2011, 2019)] == [False, True]
