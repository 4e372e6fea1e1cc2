"""The patient's page: each figure equals what a few lines compute from the same events, and it asks for nothing."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from decimal import Decimal
from html.parser import HTMLParser
from random import Random
from typing import Any
from uuid import UUID

import pytest

from domain.commands.doses import ReceivedDose
from krypton.faces.dose.page import page
from krypton.faces.dose.words import KIND_NAMES, LANGUAGES, QUANTITY_NAMES, WORDS
from projections.cumulative_dose import queries
from projections.cumulative_dose.view import CumulativeDose
from schemas.event import ERASED
from tests.fakes.region import dose, exposure
from tests.fakes.views import Hospitals
from tests.integration.view_reader import ViewReader

pytestmark = pytest.mark.live
TODAY = date(2026, 3, 1)
SUMMED = ("dlp_mgycm", "dap_mgycm2", "dose_rp_mgy", "agd_mgy", "activity_mbq")
OF_MODALITY = {"CT": SUMMED[:1], "XA": SUMMED[1:3], "DX": SUMMED[1:2], "MG": SUMMED[3:4], "NM": SUMMED[4:]}
Read = Callable[[Hospitals], Any]
Figures = dict[str, float]


class Shown(HTMLParser):
    """The figures of a page, and all it would ask a server for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.totals: Figures = {}
        self.exams: dict[str, Figures] = {}
        self.written: list[tuple[float, str]] = []
        self.asks: list[str] = []
        self.tags: list[str] = []
        self.dots = 0
        self._study = ""
        self._value: float | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        self.asks += [told[name] for name in ("src", "href", "action") if name in told]
        self.dots += tag == "circle"
        if "data-study" in told:
            self._study = told["data-study"]
            self.exams[self._study] = {}
        if tag == "data":
            value = self._value = float(told["value"])
            if "data-total" in told:
                self.totals[told["data-total"]] = value
            if "data-quantity" in told:
                self.exams[self._study][told["data-quantity"]] = value

    def handle_data(self, data: str) -> None:
        if self._value is not None:
            self.written.append((self._value, data))
            self._value = None


@pytest.fixture
def read(database_url: str) -> Iterator[Read]:
    with closing(ViewReader(database_url, CumulativeDose())) as reader:
        yield reader.read


def document(read: Read, region: Hospitals, *identities: str) -> dict[str, Any]:
    """What ``dose show`` answers, for a person who is plainly made up."""
    members = [{"identity": one, "assigner": "CHA", "local_id": "1"} for one in identities]
    who = {"given": "Marie", "family": "FICTIVE", "birth_date": "1970-01-02"}
    return {"patient": who, "unread": [], **queries.dose(read(region), members)}


def some(chance: Random) -> tuple[Hospitals, list[str]]:
    """Two hospitals' studies of one person; reports that repeat, continue and enlarge each other."""
    region, people, number = Hospitals(), set(), 0
    for study in range(chance.randint(1, 6)):
        modality = chance.choice([*OF_MODALITY])
        site = chance.choice(["CHA", "CHB"])
        shots = []
        for _ in range(chance.randint(1, 4)):
            number += 1
            known = {q: round(chance.uniform(0.01, 400), chance.randint(0, 3)) for q in OF_MODALITY[modality]}
            values = known if chance.random() < 0.85 else {}
            at = f"{chance.randint(2015, 2026)}-0{chance.randint(1, 9)}-1{chance.randint(0, 9)}T10:00:00"
            shots.append(exposure(f"2.25.8{number}", **values) | {"modality": modality, "started_at": at})
        parts = [shots[:1], shots, shots] if chance.random() < 0.5 else [shots[:2], shots[2:]]
        for place, part in enumerate(filter(None, parts)):
            answer = region.receive(site, "1", f"2.25.{study + 1}", told(f"2.25.9.{study}.{place}", modality, part))
            people.add(answer.result["identity"])
    return region, sorted(people)


def told(uid: str, modality: str, shots: list[dict[str, Any]]) -> ReceivedDose:
    found = dose(uid, *shots)
    found.__dict__["modality"] = modality
    return found


def computed(region: Hospitals) -> tuple[Figures, dict[str, Figures]]:
    """From the events alone: each irradiation event once, each known quantity with itself."""
    shots = {e["irradiation_event_uid"]: (data["study_uid"], e) for data in reported(region) for e in data["exposures"]}
    totals: dict[str, Decimal] = defaultdict(Decimal)
    exams: dict[str, dict[str, Decimal]] = {study: defaultdict(Decimal) for study, _ in shots.values()}
    for study, shot in shots.values():
        for quantity in SUMMED:
            if shot[quantity] is not None:
                totals[quantity] += Decimal(repr(shot[quantity]))
                exams[study][quantity] += Decimal(repr(shot[quantity]))
    return _floats(totals), {study: _floats(values) for study, values in exams.items()}


def _floats(values: dict[str, Decimal]) -> Figures:
    return {quantity: float(value) for quantity, value in values.items()}


def reported(region: Hospitals) -> list[dict[str, Any]]:
    return [event.data for event in region.history() if event.type == "dose.reported"]


@pytest.mark.parametrize("seed", range(12))
def test_each_figure_equals_an_independent_sum_over_the_events(read: Read, seed: int) -> None:
    region, people = some(Random(seed))
    totals, exams = computed(region)
    for language in LANGUAGES:
        shown = Shown(page(document(read, region, *people), language, TODAY))
        assert shown.totals == pytest.approx(totals, rel=1e-11)
        assert shown.exams == {study: pytest.approx(values, rel=1e-11) for study, values in exams.items()}
        assert shown.dots == len(exams)
        for value, text in shown.written:
            digits = text.rpartition(" ")[0]
            plain = digits.replace("\u202f", "").replace(",", ".") if language == "fr" else digits.replace(",", "")
            assert float(plain) == pytest.approx(value, rel=1e-11), "what is read is what is meant"


def test_the_page_asks_no_server_for_anything_and_runs_nothing(read: Read) -> None:
    region, people = some(Random(1))
    text = page(document(read, region, *people), "fr", TODAY)
    shown = Shown(text)
    assert shown.asks == []
    assert not {"script", "link", "img", "iframe", "object", "form"} & {*shown.tags}
    assert [word for word in ("url(", "@import", "http:", "https:") if word in text] == []


def test_what_a_device_says_is_text_and_no_markup(read: Read) -> None:
    region = Hospitals()
    shot = exposure("2.25.81", dlp_mgycm=1.0) | {"target_region": "<script>alert(1)</script>"}
    person = region.receive("CHA", "1", "2.25.1", dose("2.25.91", shot)).result["identity"]
    assert "<script>" not in page(document(read, region, person), "en", TODAY)


def test_unknown_is_never_zero_and_an_implausible_value_is_in_no_sum(read: Read) -> None:
    region = Hospitals()
    shots = [exposure("2.25.81"), exposure("2.25.82", activity_mbq=203_000_000.0)]
    person = region.receive("CHA", "1", "2.25.1", dose("2.25.91", *shots)).result["identity"]
    text = page(document(read, region, person), "en", TODAY)
    assert (Shown(text).totals, Shown(text).exams) == ({}, {"2.25.1": {}})
    assert f"{WORDS['en']['doubtful']}1" in text


def test_an_erased_person_has_no_name_on_it(read: Read) -> None:
    region, people = some(Random(2))
    found = document(read, region, *people)
    found["patient"] = dict.fromkeys(found["patient"], ERASED)
    text = page(found, "fr", TODAY)
    assert ("FICTIVE" in text, WORDS["fr"]["erased"] in text) == (False, True)


def test_a_person_without_a_dose_gets_a_page_that_says_so(read: Read) -> None:
    assert WORDS["fr"]["none"] in page(document(read, Hospitals(), str(UUID(int=9))), "fr", TODAY)


def test_both_languages_have_a_word_for_everything() -> None:
    for words in (WORDS, KIND_NAMES, QUANTITY_NAMES):
        assert {*words} == {*LANGUAGES}
        assert len({frozenset(said) for said in words.values()}) == 1
