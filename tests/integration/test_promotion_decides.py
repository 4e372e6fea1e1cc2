"""A promotion is an event, and what its rules newly call for is raised: each exactly once, whatever is killed when."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any
from unittest.mock import Mock
from uuid import UUID

import pytest

from domain.commands.doses import AcknowledgeAlert, ReceivedDose
from domain.commands.links import Bar, Dismiss, Merge, Unmerge
from domain.errors import StoreAway
from krypton.services import version_workers
from krypton.services.supervisor import Child
from krypton.services.version_workers import Workers
from krypton.views import lag, promote, raise_due
from krypton.views.promote import NotInForce
from projections.declared import VIEWS
from projections.versions import switches, versions
from projections.versions.promotable import Behind
from projections.versions.tailing import OtherCode
from tests.fakes.region import dose, exposure
from tests.fakes.views import pair
from tests.fakes.weighing import NOBODY
from tests.integration.ruled_world import RuledWorld
from tests.waiting import until

pytestmark = pytest.mark.live
IDENTITIES, DOSES = "identity_index", "cumulative_dose"
STRICTER = {"dose_rp_mgy": 1_000, "dap_mgycm2": 100_000}
HOT = [dose("1.9.1", exposure("1.8.1", dose_rp_mgy=1_200.0), dap_mgycm2=150_000.0)]
PROMOTED, MERGED, UNMERGED, REVIEW = "view.promoted", "link.merged", "link.unmerged", "link.review_requested"


@pytest.fixture
def world(installed_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RuledWorld]:
    made = RuledWorld(installed_url, tmp_path)
    monkeypatch.setattr(lag, "lacks", made.lacks)
    yield made
    made.close()


@pytest.fixture
def matched(world: RuledWorld) -> RuledWorld:
    world.three_pairs()
    return world


class Killed(BaseException):
    """The process is gone: nothing after this ran."""


def killed_after(monkeypatch: pytest.MonkeyPatch, calls: int, owner: Any, name: str) -> None:
    """Let a function work so many times, and end the process at the next."""
    real: Callable[..., Any] = getattr(owner, name)
    left = [calls]

    def once_more(*given: Any, **named: Any) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise Killed
        return real(*given, **named)

    monkeypatch.setattr(owner, name, once_more)


def test_a_promotion_is_one_event_with_who_what_and_which_rules(matched: RuledWorld) -> None:
    before = matched.head()
    done = matched.promote(IDENTITIES, 2)
    (event,) = [e for e in matched.history(before) if e.type == PROMOTED]
    told = [event.data[name] for name in ("view", "version", "former", "actor", "rules", "summary")]
    assert told == [IDENTITIES, 2, 1, "system:test", {"matching": 1}, '{"equal":false}']
    assert done["position"] == event.position


def test_what_the_rules_newly_call_for_is_raised_once_and_names_them(matched: RuledWorld) -> None:
    before = matched.head()
    done = matched.promote(IDENTITIES, 2)
    events = matched.history(before)
    named = {(e.type, e.data["rule"], e.data["rule_version"]) for e in events if e.type in (MERGED, REVIEW)}
    assert done["decided"] == {"merged": 3, "proposed": 1}
    assert named == {(MERGED, "strict", 1), (REVIEW, "review", 1)}
    assert (matched.types(before)[MERGED], matched.types(before)[REVIEW]) == (3, 1)


def test_decisions_follow_from_the_promotion(matched: RuledWorld) -> None:
    """All carry its command as what they have in common."""
    before = matched.head()
    matched.promote(IDENTITIES, 2)
    promoted, *decided = [e for e in matched.history(before) if e.type in (PROMOTED, MERGED, REVIEW)]
    assert {e.data["correlation_id"] for e in decided} == {promoted.data["command_id"]}
    assert {e.data["actor"] for e in decided} == {"system:rules"}


def test_readers_see_the_decisions(matched: RuledWorld) -> None:
    matched.promote(IDENTITIES, 2)
    known = dict(matched.query("SELECT assigner || local_id, identity_id::text FROM identity_index.identity"))
    for number in range(3):
        one, other = matched.persons(known[f"CHA{number}"], known[f"CHB{number}"])
        assert one == other


@pytest.mark.parametrize(
    ("owner", "name", "calls", "caught_up"),
    [
        (promote, "settle", 0, False),  # switched, and nothing more
        (switches, "mark_recorded", 0, False),  # the event is stored, and not noted
        (raise_due, "_envelope", 0, False),
        (raise_due, "_envelope", 2, False),  # some decisions are raised
        (raise_due, "_envelope", 2, True),
        (switches, "mark_settled", 0, False),  # all are
        (switches, "mark_settled", 0, True),
    ],
)
def test_what_was_killed_half_way_is_finished_and_nothing_twice(
    matched: RuledWorld, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, calls: int, caught_up: bool
) -> None:
    """Whether or not the view has caught up with what was raised before the kill."""
    monkeypatch.setattr(raise_due, "BATCH", 1)
    before = matched.head()
    with monkeypatch.context() as patched:
        killed_after(patched, calls, owner, name)
        with pytest.raises(Killed):
            promote.promote(matched.ours, IDENTITIES, 2, "system:test")
    if caught_up:
        matched.work(IDENTITIES)
    for _ in range(2):
        promote.settle(matched.ours)
    found = matched.types(before)
    assert (found[PROMOTED], found[MERGED], found[REVIEW]) == (1, 3, 1)
    assert matched.query("SELECT count(*) FROM views.switch WHERE settled_at IS NULL") == [(0,)]


def test_what_was_killed_is_decided_though_a_later_version_of_the_same_rules_is_live(matched: RuledWorld) -> None:
    """The later switch changed no rules, so it decides nothing by itself."""
    before = matched.head()
    versions.promote(matched.url, IDENTITIES, 2, "system:test")
    later = matched.build(IDENTITIES, matching=1)
    versions.promote(matched.url, IDENTITIES, later, "system:test")
    matched.work(IDENTITIES)
    promote.settle(matched.ours)
    assert (matched.types(before)[PROMOTED], matched.types(before)[MERGED]) == (2, 3)


def test_the_supervisor_finishes_what_was_killed(matched: RuledWorld) -> None:
    before = matched.head()
    versions.promote(matched.url, IDENTITIES, 2, "system:test")
    Workers(matched.ours, []).settle()
    assert matched.types(before)[PROMOTED] == 1


def test_whatever_goes_wrong_with_a_promotion_the_workers_are_looked_after(
    matched: RuledWorld, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Such as a vault that is away while decisions are raised: versions that come later get their workers."""
    monkeypatch.setattr(version_workers, "LOOK_S", 0.01)
    monkeypatch.setattr(promote, "settle", Mock(side_effect=[StoreAway("away"), MemoryError, *[{}] * 10_000]))
    workers, stop = Workers(matched.ours, []), Event()
    monkeypatch.setattr(workers, "look", looked := Mock())
    workers.keep_looking(stop)
    until(lambda: looked.call_count > 3, "it goes on")
    stop.set()
    assert [one in caplog.text for one in ("StoreAway", "MemoryError")] == [True, True]


def test_a_version_of_another_program_is_left_to_it(matched: RuledWorld, caplog: pytest.LogCaptureFixture) -> None:
    """Neither promoted, nor kept up to date, nor decided upon."""
    matched.promote(IDENTITIES, 2)
    matched.query("UPDATE views.view_version SET code = '0ther' WHERE view = %s AND version = 1", IDENTITIES)
    theirs = matched.build(IDENTITIES)
    matched.query("UPDATE views.view_version SET code = '0ther' WHERE view = %s AND version = %s", IDENTITIES, theirs)
    with pytest.raises(OtherCode):
        promote.check_promotable(matched.ours, IDENTITIES, theirs)
    done = promote.rollback(matched.ours, IDENTITIES, "system:test")
    assert (done["settled_at"], "v1 was built by another release" in done["waits_for"]) == (None, True)
    with pytest.raises(OtherCode):
        matched.ours.view(IDENTITIES)
    children: list[Child] = []
    Workers(matched.ours, children).look()
    named = {child.name for child in children if "identity" in child.name}
    assert (len(children), named) == (len(VIEWS), {f"worker-{IDENTITIES}-v2"})
    assert "readers see identity_index v1, which another program made" in caplog.text


def test_promoted_rolled_back_and_promoted_again_decides_nothing_twice(matched: RuledWorld) -> None:
    """Version 1 has no matching rules, so going back takes no merge back."""
    before = matched.head()
    matched.promote(IDENTITIES, 2)
    back, again = matched.rollback(IDENTITIES), matched.promote(IDENTITIES, 2)
    found = matched.types(before)
    assert (found[PROMOTED], found["view.rolled_back"], found[MERGED], found[REVIEW]) == (2, 1, 3, 1)
    assert (back["decided"], again["decided"], found.get(UNMERGED)) == ({}, {}, None)


def test_rules_that_merge_less_take_their_forerunners_merges_back_and_rules_that_merge_more_make_them_again(
    matched: RuledWorld,
) -> None:
    matched.promote(IDENTITIES, 2)
    matched.matching(2, **NOBODY)
    before = matched.head()
    matched.promote(IDENTITIES, matched.build(IDENTITIES, matching=2))
    unmerged = [e for e in matched.history(before) if e.type == UNMERGED]
    assert {(e.data["rule"], e.data["rule_version"]) for e in unmerged} == {("matching", 2)}
    assert len(unmerged) == 3
    before = matched.head()
    assert matched.rollback(IDENTITIES)["decided"] == {"merged": 3}
    assert matched.types(before)[MERGED] == 3


def test_what_people_decided_stands_though_the_view_has_not_heard_of_it(
    matched: RuledWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bar and an unmerge by a human, while the decisions are being raised: nobody waits for these."""
    monkeypatch.setattr(lag, "lacks", lambda *_: "")
    known = dict(matched.query("SELECT assigner || local_id, identity_id::text FROM identity_index.identity"))
    matched.ask(Bar(**pair(known["CHA1"], known["CHB1"]), reason="twin sisters"))
    matched.ask(Merge(**pair(known["CHA2"], known["CHB2"]), reason="same person"))
    matched.ask(Unmerge(**pair(known["CHA2"], known["CHB2"]), reason="not the same"))
    for side in ("CHA0", "CHB0"):
        matched.ask(Dismiss(**pair(known[side], known["CHC9"]), reason="not the same"))
    before = matched.head()
    assert matched.promote(IDENTITIES, 2)["decided"] == {"merged": 1, "stand": 3}
    assert matched.types(before).get(REVIEW) is None


def test_a_dose_alert_is_raised_for_studies_that_are_over_now_and_names_its_version(world: RuledWorld) -> None:
    study = world.receive(1, *HOT)
    world.receive(2, dose("1.9.2", exposure("1.8.2", dose_rp_mgy=900.0)))
    world.publish("dose-alerts", 2, STRICTER)
    world.work(DOSES)
    version, before = world.build(DOSES, dose_alerts=2), world.head()
    assert world.promote(DOSES, version)["decided"] == {"alerts": 1}
    raised = [e.data for e in world.history(before) if e.type == "dose.alert_raised"]
    assert {(a["study_id"], a["quantity"], a["threshold"], a["rule"], a["rule_version"]) for a in raised} == {
        (study, "dose_rp_mgy", 1_000.0, "dose-alerts", 2),
        (study, "dap_mgycm2", 100_000.0, "dose-alerts", 2),
    }


def test_an_alert_that_was_raised_or_acknowledged_under_other_rules_stands(world: RuledWorld) -> None:
    study = world.receive(1, dose("1.9.1", exposure("1.8.1", dose_rp_mgy=2_500.0)))
    world.publish("dose-alerts", 2, STRICTER)
    world.work(DOSES)
    ((alert,),) = world.query("SELECT alert_id::text FROM cumulative_dose.alert")
    world.ask(AcknowledgeAlert(study=UUID(study), alert=UUID(alert), note="skin checked"))
    world.work(DOSES)
    version, before = world.build(DOSES, dose_alerts=2), world.head()
    assert world.promote(DOSES, version)["decided"] == {}
    world.rollback(DOSES)
    world.promote(DOSES, version)
    assert "dose.alert_raised" not in world.types(before)


def test_a_promotion_puts_the_rules_in_force_for_what_comes_in_next(world: RuledWorld) -> None:
    world.publish("dose-alerts", 2, STRICTER)
    version = world.build(DOSES, dose_alerts=2)
    world.promote(DOSES, version)
    before = world.head()
    world.receive(1, *HOT)
    assert world.types(before)["dose.alert_raised"] == 2


def test_a_dose_that_came_in_before_the_promotion_and_was_not_applied_yet_gets_its_alert_once(
    world: RuledWorld,
) -> None:
    """It was judged under the former rules; the version that is promoted has not heard of it."""
    world.publish("dose-alerts", 2, STRICTER)
    world.work(DOSES)
    version = world.build(DOSES, dose_alerts=2)
    study, before = world.receive(1, *HOT), world.head()
    done = promote.promote(world.ours, DOSES, version, "system:test")
    assert (done["settled_at"], done["decided"], done["waits_for"]) == (None, None, "2 events are not applied")
    assert "dose.alert_raised" not in world.types(before)
    world.work(DOSES)
    for _ in range(2):
        assert promote.settle(world.ours) == {}
        world.work(DOSES)
    raised = [e.data["study_id"] for e in world.history(before) if e.type == "dose.alert_raised"]
    assert raised == [study] * 2  # one for each quantity


def test_a_version_that_lacks_what_readers_see_is_not_promoted_unless_forced(world: RuledWorld) -> None:
    version = world.build(DOSES)
    world.receive(1, *HOT)
    world.work(DOSES)
    world.query("DELETE FROM views.position WHERE version = %s", version)  # as if its worker had not begun
    with pytest.raises(Behind, match=f"{DOSES} v{version} lacks [0-9]+ records that readers see already"):
        promote.check_promotable(world.ours, DOSES, version, timeout_s=0)
    assert promote.promote(world.ours, DOSES, version, "system:test", force=True)["what"] == "promoted"


def test_rules_are_not_promoted_before_their_day(world: RuledWorld) -> None:
    world.publish("dose-alerts", 2, STRICTER, in_force_from="2999-01-01")
    version, before = world.build(DOSES, dose_alerts=2), world.head()
    with pytest.raises(NotInForce, match="dose-alerts@2 is in force from 2999-01-01"):
        world.promote(DOSES, version)
    assert world.head() == before


def test_a_version_of_other_code_under_the_same_rules_decides_nothing(matched: RuledWorld) -> None:
    """What is due and was not raised stays for whoever changes the rules."""
    matched.promote(IDENTITIES, 2)
    for site in ("CHA", "CHB"):
        matched.register(site, "7", family="AUTRE")
    matched.work(IDENTITIES)
    assert matched.promote(IDENTITIES, matched.build(IDENTITIES, matching=1))["decided"] == {}


def test_a_version_that_was_left_meanwhile_decides_nothing(matched: RuledWorld) -> None:
    """Promoted and rolled back before anybody could settle it."""
    before = matched.head()
    versions.promote(matched.url, IDENTITIES, 2, "system:test")
    versions.rollback(matched.url, IDENTITIES, "system:test")
    promote.settle(matched.ours)
    assert matched.types(before) == {"view.opened": 1, PROMOTED: 1, "view.rolled_back": 1}


def test_a_drop_is_an_event_and_what_is_built_aside_and_discarded_is_none(matched: RuledWorld) -> None:
    before = matched.head()
    versions.discard(matched.url, IDENTITIES, matched.build(IDENTITIES))
    promote.settle(matched.ours)
    assert matched.types(before) == {}
    done = promote.drop(matched.ours, IDENTITIES, 2, "system:test")
    assert matched.types(before) == {"view.opened": 1, "view.dropped": 1}
    assert (done["what"], done["version"]) == ("dropped", 2)


def over_studies(**change: Any) -> dict[str, Any]:
    skin = {"name": "skin", "kind": "skin", "quantity": "dose_rp_mgy", "threshold": 2_000, "days": 84}
    return {"alerts": [skin | change]}


def procedure(number: int, mgy: float) -> ReceivedDose:
    shot = exposure(f"1.8.{number}", dose_rp_mgy=mgy) | {"started_at": f"2026-01-0{number}T10:00:00"}
    return dose(f"1.9.{number}", shot)


def test_a_person_whose_studies_are_over_together_is_judged_when_such_a_rule_comes_in_force(world: RuledWorld) -> None:
    """Two hospitals' patients who were merged before; one who is under it alone is not called for."""
    studies = [world.receive(number, procedure(number, 1_200.0)) for number in (1, 2, 3)]
    world.work(DOSES)
    people = dict(world.query("SELECT study_id::text, identity_id::text FROM cumulative_dose.dose_owner"))
    world.ask(Merge(**pair(people[studies[0]], people[studies[1]]), reason="seen at the desk"))
    world.publish("dose-alerts", 2, over_studies())
    for view in (IDENTITIES, DOSES):
        world.work(view)
    version, before = world.build(DOSES, dose_alerts=2), world.head()
    assert world.promote(DOSES, version)["decided"] == {"alerts": 1}
    (alert,) = [e.data for e in world.history(before) if e.type == "dose.alert_raised"]
    assert (alert["study_id"], alert["value"], sorted(alert["studies"])) == (studies[1], 2_400.0, sorted(studies[:2]))


def later(number: int, mgy: float) -> ReceivedDose:
    """The next version of one report."""
    shot = exposure("1.8.1", dose_rp_mgy=mgy)
    return replace(dose(f"1.9.{number}", shot), reported_at=f"2026-01-0{number}T10:00:00")


def test_a_study_that_rules_judged_before_is_judged_again_once_another_report_came(world: RuledWorld) -> None:
    """They are promoted, left, and promoted again: the alert of the first time was of another report."""
    world.receive(1, later(1, 1_200.0))
    world.publish("dose-alerts", 2, STRICTER)
    world.work(DOSES)
    version = world.build(DOSES, dose_alerts=2)
    world.promote(DOSES, version)
    world.rollback(DOSES)
    for report in (later(2, 500.0), later(3, 1_300.0)):
        world.receive(1, report)
    world.work(DOSES)
    before = world.head()
    assert world.promote(DOSES, version)["decided"] == {"alerts": 1}
    assert world.types(before)["dose.alert_raised"] == 1


@pytest.mark.parametrize(
    ("change", "alerts"),
    [
        ({"kind": "exposure", "threshold": 1_199.9}, 3),
        ({"kind": "exposure", "threshold": 1_200}, 0),
        ({"kind": "study", "threshold": 1_000, "modalities": ["CT"]}, 3),
        ({"kind": "study", "threshold": 1_000, "modalities": ["XA"]}, 0),
        ({"kind": "study", "threshold": 1_000, "population": "adult"}, 3),
        ({"kind": "window", "days": 10, "threshold": 1_100}, 3),
    ],
    ids=str,
)
def test_what_no_view_can_judge_is_judged_when_its_rule_comes_in_force(
    world: RuledWorld, change: dict[str, Any], alerts: int
) -> None:
    for number in (1, 2, 3):
        world.receive(number, procedure(number, 1_200.0))
    rule = over_studies(**change)
    if change["kind"] != "window":
        del rule["alerts"][0]["days"]
    world.publish("dose-alerts", 2, rule)
    for view in (IDENTITIES, DOSES):
        world.work(view)
    version, before = world.build(DOSES, dose_alerts=2), world.head()
    assert world.promote(DOSES, version)["decided"] == ({"alerts": alerts} if alerts else {})
    assert world.types(before).get("dose.alert_raised", 0) == alerts
