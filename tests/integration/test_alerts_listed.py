"""The list of alerts tells a professional nothing of a study of an alert that they do not see."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from domain.actors import Caller
from domain.commands.consents import Grant, LiftOpposition, Oppose
from domain.commands.directory import RegisterProfessional
from domain.commands.doses import JudgePerson
from domain.commands.links import Merge, Unmerge
from domain.commands.rules import PublishRules
from domain.commands.views import Promoted
from domain.consent_statements import Scope
from domain.rules.document import document
from krypton.queries.worklists import alerts_of
from tests.fakes.region import CLINICIAN, dose, exposure, received
from tests.fakes.views import pair
from tests.fakes.weighing import ALIKE
from tests.integration.policy_world import INDEX, PolicyWorld, made

pytestmark = pytest.mark.live
PHYSICIAN = Caller(f"rpps:{CLINICIAN}", "asked at the desk", site="CHB")
YEARS: dict[str, Any] = {
    "kind": "dose-alerts",
    "version": 2,
    "in_force_from": "2026-01-01",
    "title": "over studies",
    "body": {
        "alerts": [
            {"name": "year", "kind": "window", "quantity": "dlp_mgycm", "threshold": 1_000, "days": 365},
            {"name": "study", "kind": "study", "quantity": "dlp_mgycm", "threshold": 5_000},
        ],
    },
}


class Years:
    """A person of two establishments, each with a study, and an alert over both at the second."""

    def __init__(self, world: PolicyWorld) -> None:
        self.world = world
        world.ask(RegisterProfessional(rpps=CLINICIAN, name="Dr Clinicien", profession="physician", sites=("CHB",)))
        world.ask(PublishRules(document=document(YEARS)))
        world.ask(Promoted(view="cumulative_dose", version=2, former=1, rules={"dose-alerts": 2}))

    def raised(self) -> None:
        told = []
        for number, site in enumerate(("CHA", "CHB"), 1):
            shot = exposure(f"1.8.{number}", dlp_mgycm=700.0) | {"started_at": f"2026-01-0{number}T10:00:00"}
            came = received(site, f"1.2.{number}", local_id="1", stated={**ALIKE}, doses=(dose(f"1.9.{number}", shot),))
            told.append(self.world.ask(came).result)
        self.one, self.other = (answer["identity"] for answer in told)
        self.studies = [answer["study"] for answer in told]
        self.world.ask(Merge(**pair(self.one, self.other), reason="papers seen"))
        self.world.ask(JudgePerson(identity=UUID(self.one), why="corrected"))

    def listed(self) -> tuple[Any, Any]:
        for view in (INDEX, "cumulative_dose"):
            self.world.work(view)
        (alert,) = alerts_of(self.world.ours, PHYSICIAN, open_only=True, site=None)
        assert "over" not in alert
        return alert["studies"], alert["value"]


@pytest.fixture
def years(installed_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Years]:
    world = made(installed_url, tmp_path, monkeypatch)
    yield Years(world)
    world.close()


def test_whoever_sees_all_is_told_of_all(years: Years) -> None:
    years.raised()
    assert years.listed() == (sorted(years.studies), 1_400.0)


def test_a_study_that_a_consent_leaves_out_is_not_told(years: Years) -> None:
    years.raised()
    party = f"rpps:{CLINICIAN}"
    years.world.ask(Grant(identity=UUID(years.other), party=party, exclusions=["study:1.2.1"]))
    assert years.listed() == (years.studies[1:], None)


def test_a_study_that_came_against_an_opposition_to_feeding_is_not_told(years: Years) -> None:
    identity = years.world.register("CHA", "1", **ALIKE)
    years.world.ask(
        Oppose(identity=UUID(identity), party="site:CHA", scope=Scope.FEED, reason="a colleague works there")
    )
    years.raised()
    assert years.listed() == (years.studies[1:], None)


def test_a_study_of_who_is_another_person_now_is_not_told(years: Years) -> None:
    years.raised()
    years.world.ask(Unmerge(**pair(years.one, years.other), reason="two"))
    assert years.listed() == (years.studies[1:], None)


def test_the_sum_of_a_study_is_not_told_where_a_report_of_it_is_not_seen(years: Years) -> None:
    """It came from elsewhere, against an opposition to feeding. A third one came after the alert: it is in no sum."""
    identity = years.world.register("CHB", "1", **ALIKE)
    opposed: dict[str, Any] = {"identity": UUID(identity), "party": "site:CHA", "scope": Scope.FEED}
    years.world.ask(Oppose(**opposed, reason="a colleague works there"))
    for number, site in enumerate(("CHA", "CHB", "CHA"), 1):
        shot = exposure(f"1.8.{number}", dlp_mgycm=3_000.0) | {"started_at": f"2026-01-01T1{number}:00:00"}
        came = received(site, "1.2.1", issuer="CHB", stated={**ALIKE}, doses=(dose(f"1.9.{number}", shot),))
        years.studies = [years.world.ask(came).result["study"]]
        if number > 1:
            assert years.listed() == (years.studies, None)
    years.world.ask(LiftOpposition(**opposed))
    assert years.listed() == (years.studies, 6_000.0)
