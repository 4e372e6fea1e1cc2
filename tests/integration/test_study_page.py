"""The page of one study's dose: each figure equals what a few lines of pandas compute from the same events."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from random import Random
from typing import Any

import pandas as pd
import pytest

from domain.dose_acts import DoseActs
from domain.dose_flags import Comparison
from domain.dose_levels import ReferenceLevels
from domain.errors import NotFound
from krypton.faces.dose.study import page
from krypton.faces.dose.technique import STUDY
from krypton.faces.dose.words import LANGUAGES
from krypton.queries.study_doses import picked
from projections.cumulative_dose import queries
from projections.cumulative_dose.asked import Asked
from projections.cumulative_dose.sums import ALWAYS
from projections.cumulative_dose.view import CumulativeDose
from tests.fakes.region import dose, exposure
from tests.fakes.views import Hospitals
from tests.integration.view_reader import ViewReader

pytestmark = pytest.mark.live
Read = Callable[[Hospitals], Any]
TODAY = date(2026, 3, 1)
QUANTITIES = ["ctdivol_mgy", "dlp_mgycm", "dap_mgycm2", "dose_rp_mgy", "agd_mgy", "activity_mbq"]
NO_LEVELS = Comparison(DoseActs(), lambda _: ReferenceLevels(), TODAY)


class Shown(HTMLParser):
    """The figures of a page, and all it would ask a server for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.sums: dict[str, float] = {}
        self.stated: dict[str, list[float]] = {}
        self.events: dict[str, dict[str, float]] = {}
        self.asks: list[str] = []
        self.tags: set[str] = set()
        self._event = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        self.tags.add(tag)
        self.asks += [told[name] for name in ("src", "href", "action") if name in told]
        if "data-event" in told:
            self._event = told["data-event"]
            self.events[self._event] = {}
        if "data-sum" in told:
            self.sums[told["data-sum"]] = float(told["value"])
        if "data-stated" in told:
            self.stated.setdefault(told["data-stated"], []).append(float(told["value"]))
        if "data-quantity" in told:
            self.events[self._event][told["data-quantity"]] = float(told["value"])


@pytest.fixture
def read(database_url: str) -> Iterator[Read]:
    with closing(ViewReader(database_url, CumulativeDose())) as reader:
        yield reader.read


def document(connection: Any, person: str, study: str) -> dict[str, Any]:
    members = [{"identity": person, "assigner": "CHA", "local_id": "1"}]
    asked = replace(Asked(ALWAYS, ("study",)), compare=NO_LEVELS.exposure)
    who = {"given": "Marie", "family": "FICTIVE", "birth_date": "1970-01-02"}
    return picked({"patient": who, **queries.dose(connection, members, asked=asked)}, study)


def some(chance: Random) -> tuple[Hospitals, str, str]:
    """One study of fluoroscopy beside another of the same person; its report comes twice, the second time larger."""
    region = Hospitals()
    other = exposure("2.25.7", dlp_mgycm=55.5)
    region.receive("CHA", "1", "2.25.2", dose("2.25.92", other, dlp_mgycm=55.5))
    shots = [
        exposure(f"2.25.8{n}", dap_mgycm2=round(chance.uniform(1, 900), 2), dose_rp_mgy=round(chance.uniform(1, 9), 3))
        | {"kind": "PROJECTION", "modality": "XA", "technique": {"kvp": 70 + n, "tube_current_ma": 400.5}}
        for n in range(chance.randint(2, 7))
    ]
    shots[-1]["dose_rp_mgy"] = None
    region.receive("CHA", "1", "2.25.1", dose("2.25.91", *shots[:-1]))
    answer = region.receive("CHA", "1", "2.25.1", dose("2.25.93", *shots, dap_mgycm2=1234.5)).result
    return region, answer["identity"], answer["study"]


@pytest.mark.parametrize("seed", range(4))
def test_each_figure_equals_what_pandas_computes_from_the_events(read: Read, seed: int) -> None:
    region, person, study = some(Random(seed))
    told = [e.data for e in region.history() if e.type == "dose.reported" and e.data["study_id"] == study]
    frame = pd.DataFrame([shot for data in told for shot in data["exposures"]]).drop_duplicates("irradiation_event_uid")
    values = frame.set_index("irradiation_event_uid")[QUANTITIES].astype(float)
    events = {str(uid): row.dropna().to_dict() for uid, row in values.iterrows()}
    sums = values.drop(columns="ctdivol_mgy").sum(min_count=1).dropna().to_dict()
    for language in LANGUAGES:
        shown = Shown(page(document(read(region), person, study), language, TODAY))
        assert shown.events == events
        assert shown.sums == pytest.approx(sums, rel=1e-11)
        assert shown.stated == {"dap_mgycm2": [1234.5]}


def test_each_exposure_says_how_it_was_made_and_a_total_that_differs_is_told(read: Read) -> None:
    region, person, study = some(Random(1))
    text = page(document(read(region), person, study), "en", TODAY)
    assert ("voltage 70\u00a0kV" in text, "current 400.5\u00a0mA" in text) == (True, True)
    assert STUDY["en"]["differs"] in text
    assert "2.25.7" not in Shown(text).events, "nothing of another study"


def test_the_page_asks_no_server_for_anything(read: Read) -> None:
    region, person, study = some(Random(2))
    shown = Shown(page(document(read(region), person, study), "fr", TODAY))
    assert (shown.asks, {"script", "link", "img", "iframe", "object", "form"} & shown.tags) == ([], set())


def test_a_study_without_a_dose_is_not_found(read: Read) -> None:
    region, person, _ = some(Random(3))
    with pytest.raises(NotFound, match="no dose of the study"):
        document(read(region), person, "00000000-0000-0000-0000-000000000009")


def test_both_languages_have_a_word_for_everything() -> None:
    assert {*STUDY} == {*LANGUAGES}
    assert STUDY["fr"].keys() == STUDY["en"].keys()
