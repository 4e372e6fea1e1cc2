"""Words that a site publishes for tests of its devices: a report that has them is in no practice group."""

from pathlib import Path
from typing import Any

import pytest

from domain.commands.rules import PublishRules
from domain.rules.document import document, parse, read_document
from domain.rules.phantoms import PhantomWords
from tests.fakes.region import Region, dose, exposure

SHIPPED = Path(__file__).parents[2] / "rules" / "phantom-words-1.toml"


def words(*told: tuple[str, str, str | None]) -> PhantomWords:
    body = {"words": [{"word": word, "in": where} | ({"site": site} if site else {}) for word, where, site in told]}
    found = parse("phantom-words", 2, body)
    assert isinstance(found, PhantomWords)
    return found


@pytest.mark.parametrize("text", ["FANTOME", "Fantôme tête", "test_fantome 2", "x (fantôme)"])
def test_a_word_is_found_in_whatever_case_and_with_or_without_accents(text: str) -> None:
    assert words(("fantôme", "description", None)).tell("CHB", [], description=text)


@pytest.mark.parametrize("text", ["fantomes", "fantome2", "membre fantomatique", None, ""])
def test_a_word_that_a_letter_or_a_digit_touches_is_another(text: str | None) -> None:
    assert not words(("fantôme", "description", None)).tell("CHB", [], description=text)


def test_a_protocol_tells_of_a_test_where_all_of_them_do() -> None:
    """A test among exposures of a person hides none of theirs."""
    found = words(("cq", "protocol", None), ("constancy", "protocol", None))
    assert found.tell("CHB", ["CQ tete", None, "Constancy 32"])
    assert not found.tell("CHB", ["CQ tete", "Thorax"])
    assert not found.tell("CHB", [None])


def test_a_word_of_one_site_says_nothing_elsewhere() -> None:
    found = words(("salle 4", "station", "CHB"))
    assert [found.tell(site, [], station="Salle 4") for site in ("CHB", "CHP")] == [True, False]


def test_what_is_published_decides_from_its_day_on_and_the_dose_stays_in_the_totals() -> None:
    region = Region()

    def marked(number: int) -> bool:
        shot = exposure(f"2.25.9{number}", protocol="CQ tête", dlp_mgycm=5.0)
        region.receive(study_uid=f"2.25.{number}", local_id=str(number), doses=(dose(f"2.25.8{number}", shot),))
        (told,) = [event for event in region.history() if event.type == "dose.reported"][-1:]
        return bool(told.data["qa"])

    def publish(version: int, day: str) -> None:
        body: dict[str, Any] = {"words": [{"word": "cq", "in": "protocol"}]}
        raw = {"kind": "phantom-words", "version": version, "in_force_from": day, "body": body}
        region.ask(PublishRules(document=document(raw)))

    before = marked(1)
    publish(1, "2999-01-01")
    early = marked(2)
    publish(2, "2020-01-01")
    assert (before, early) == (False, False)
    later = [marked(3), marked(4)]
    assert later == [True, True]


def test_the_file_that_ships_can_be_published() -> None:
    told = read_document(SHIPPED.read_text())
    assert (told.kind, told.version) == ("phantom-words", 1)
