"""The page of practice: each figure equals what a few lines of pandas compute from the events; nobody is named."""

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from html.parser import HTMLParser
from random import Random
from typing import Any

import pandas as pd
import pytest

from domain.dose_acts import DoseActs
from domain.dose_levels import Level, ReferenceLevels
from domain.rules.acts import build
from krypton.faces.dose.words import LANGUAGES
from krypton.faces.practice.page import page
from krypton.faces.practice.words import WORDS
from krypton.queries.census import Asked, told_of
from projections.dose_practice.view import DosePractice
from tests.fakes.region import dose, exposure
from tests.fakes.views import Hospitals
from tests.integration.view_reader import ViewReader

pytestmark = pytest.mark.live
Read = Callable[[Hospitals], Any]
TODAY = date(2026, 6, 20)
NAMES = {"thorax pa": "Chest PA", "bassin": "Pelvis AP", "inconnu": None}
ACTS = build(
    1,
    {
        "entries": [
            {"act": act, "protocols": [name], "modalities": ["DX"]} for name, act in NAMES.items() if act is not None
        ]
    },
)
LEVELS = ReferenceLevels(
    2019,
    (
        Level("Chest PA", "DX", "adult", "dap_mgycm2", 200.0, "mGy.cm2", guide=150.0),
        Level("Pelvis AP", "DX", "adult", "dap_mgycm2", 3800.0, "mGy.cm2"),
    ),
)
FIGURES = ("persons", "exposures", "median", "q1", "q3", "mean", "outliers", "over")
DEVICE = "Room 1"
ASKED = Asked(site="CHA")
OPERATORS = ("Bernard FICTIF", "Claire INVENTEE")


class Shown(HTMLParser):
    """The figures of a page's table by act, population and quantity, and all it would ask a server for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.groups: dict[tuple[str, str, str], dict[str, float]] = {}
        self.asks: list[str] = []
        self.tags: set[str] = set()
        self._group: dict[str, float] | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        self.tags.add(tag)
        self.asks += [told[name] for name in ("src", "href", "action") if name in told]
        if "data-act" in told:
            self._group = self.groups.setdefault((told["data-act"], told["data-population"], told["data-quantity"]), {})
        if tag == "data" and "data-figure" in told and self._group is not None:
            self._group[told["data-figure"]] = float(told["value"])


@pytest.fixture
def read(database_url: str) -> Iterator[Read]:
    with closing(ViewReader(database_url, DosePractice())) as reader:
        yield reader.read


def document(connection: Any, asked: Asked = ASKED, **otherwise: Any) -> dict[str, Any]:
    known: dict[str, Any] = {"acts": ACTS, "levels": LEVELS, "persons_of": lambda _: {}, "code": str, "today": TODAY}
    return told_of(connection, asked, **{**known, **otherwise})


def shot(uid: str, protocol: str, day: str, **values: float) -> dict[str, Any]:
    told = {"kind": "PROJECTION", "modality": "DX", "protocol": protocol, "started_at": f"{day}T10:00:00"}
    return exposure(uid, **values) | told


def some(chance: Random, people: int = 60) -> Hospitals:
    """Exams of many people on one device: adults, children, people of unknown age; reports that come again, larger."""
    region, number = Hospitals(), 0
    for person in range(people):
        age = chance.choice([12_000.0, 20_000.0, 20_000.0, 2_000.0, None])
        shots = []
        for _ in range(chance.randint(1, 3)):
            number += 1
            values = {"dap_mgycm2": round(chance.lognormvariate(5.3, 0.5), 2)} if chance.random() < 0.9 else {}
            day = f"2026-0{chance.randint(1, 6)}-1{chance.randint(0, 9)}"
            shots.append(shot(f"2.25.8{number}", chance.choice([*NAMES]), day, **values))
        parts = [shots[:1], shots] if chance.random() < 0.3 else [shots]
        for place, part in enumerate(parts):
            report = dose(f"2.25.9{person}.{place}", *part)
            report.device.update(model="Room", serial="1")
            report.said["patient"] = {"age_days": age, "weight_kg": None, "size_cm": None, "pregnant": None}
            report.said["operator"] = OPERATORS[person % 2]
            region.receive(
                "CHA", str(person), f"2.25.{person + 1}", report, family=f"FICTIF{'ABCDEFGHIJ'[person % 10]}"
            )
    return region


def frame_of(region: Hospitals) -> pd.DataFrame:
    """From the events alone, each irradiation event once."""
    frame = pd.DataFrame(
        {
            "uid": told["irradiation_event_uid"],
            "person": event.data["identity_id"],
            "act": NAMES[words["protocol"]] or words["protocol"],
            "days": event.data["words"]["patient"]["age_days"],
            "value": told["dap_mgycm2"],
            "operator": event.data["words"]["operator"],
            "month": told["started_at"][:7],
        }
        for event in region.history()
        if event.type == "dose.reported"
        for told, words in zip(event.data["exposures"], event.data["words"]["exposures"], strict=True)
    )
    frame = frame.drop_duplicates("uid").dropna(subset=["value"])
    frame["population"] = frame["days"].map(lambda days: "" if pd.isna(days) else "adult" if days > 6_574 else "child")
    return frame


def computed(region: Hospitals) -> dict[tuple[str, str, str], dict[str, float]]:
    frame = frame_of(region)
    over = {("Chest PA", "adult"): 200.0, ("Pelvis AP", "adult"): 3800.0}
    found = {}
    for (act, population), group in frame.groupby(["act", "population"]):
        values = group["value"]
        if group["person"].nunique() < 5:
            continue
        q1, q3 = values.quantile(0.25), values.quantile(0.75)
        outside = (values < q1 - 1.5 * (q3 - q1)) | (values > q3 + 1.5 * (q3 - q1))
        figures = {
            "persons": group["person"].nunique(),
            "exposures": len(values),
            "median": values.median(),
            "q1": q1,
            "q3": q3,
            "mean": values.mean(),
            "outliers": outside.sum(),
        }
        if (act, population) in over:
            figures["over"] = (values > over[act, population]).sum()
        found[str(act), str(population), "dap_mgycm2"] = figures
    return found


@pytest.mark.parametrize("seed", range(6))
def test_each_figure_equals_what_pandas_computes_from_the_events(read: Read, seed: int) -> None:
    region = some(Random(seed))
    expected = computed(region)
    for language in LANGUAGES:
        shown = Shown(page(document(read(region)), language, TODAY)).groups
        assert shown == {key: pytest.approx(values, rel=1e-9) for key, values in expected.items()}
    assert len(expected) > 4


def of_enough(frame: pd.DataFrame, *by: str) -> dict[tuple[str, ...], float]:
    """The median of each group of five persons or more."""
    groups = frame.groupby(["act", "population", *by])
    return {key: one["value"].median() for key, one in groups if one["person"].nunique() >= 5}


@pytest.mark.parametrize("seed", range(3))
def test_medians_by_operator_and_by_month_equal_what_pandas_computes_from_the_events(read: Read, seed: int) -> None:
    region = some(Random(seed), people=150)
    frame, found = frame_of(region), document(read(region))
    named = [(one["act"] or one["protocol"], one["population"] or "", one) for one in found["groups"]]
    months = {(act, population, m["month"]): m["median"] for act, population, one in named for m in one["months"]}
    assert {key: value for key, value in months.items() if value is not None} == pytest.approx(
        of_enough(frame, "month")
    )
    told = [one for one in found["operators"] if not one["too_small"]]
    operators = {
        (one["act"] or one["protocol"], one["population"] or "", one["operator"]): one["median"] for one in told
    }
    assert operators == pytest.approx(of_enough(frame, "operator"))
    assert {key[2] for key in operators} == {*OPERATORS}


def test_whose_age_no_report_states_is_adult_or_child_by_birth_date(read: Read) -> None:
    region = Hospitals()
    born: dict[str, str] = {}
    for person in range(18):
        report = dose(f"2.25.9{person}", shot(f"2.25.8{person}", "bassin", "2026-01-10", dap_mgycm2=100.0 + person))
        identity = region.receive("CHA", str(person), f"2.25.{person + 1}", report).result["identity"]
        if birth_date := ("2008-01-10", "2008-01-11", None)[person // 6]:
            born[identity] = birth_date
    groups = document(read(region), born_of=lambda _: born)["groups"]
    assert {one["population"]: (one["persons"], one["median"]) for one in groups} == {
        "adult": (6, 102.5),
        "child": (6, 108.5),
        None: (6, 114.5),
    }


def test_the_birth_date_decides_before_the_age_that_a_report_states(read: Read) -> None:
    """As findings have it: the page and the finding of one act are of the same people."""
    region = Hospitals()
    born: dict[str, str] = {}
    for person in range(10):
        report = dose(f"2.25.9{person}", shot(f"2.25.8{person}", "bassin", "2026-01-10", dap_mgycm2=100.0 + person))
        adult = {"age_days": 12_000.0, "weight_kg": 20.0, "size_cm": None, "pregnant": None}
        report.said["patient"] = adult  # the console's default
        identity = region.receive("CHA", str(person), f"2.25.{person + 1}", report).result["identity"]
        born[identity] = "2019-05-05" if person < 5 else "1980-05-05"
    groups = document(read(region), born_of=lambda _: born)["groups"]
    told = {(one["population"], one["weight"]): (one["persons"], one["median"]) for one in groups}
    assert told == {("child", "15-<30 kg"): (5, 102.0), ("adult", None): (5, 107.0)}


def test_the_page_asks_no_server_for_anything_and_names_nobody(read: Read) -> None:
    region = some(Random(1))
    text = page(document(read(region), code=lambda name: f"code-of-{len(name)}"), "fr", TODAY)
    shown = Shown(text)
    assert (shown.asks, {"script", "link", "img", "iframe", "object", "form"} & shown.tags) == ([], set())
    assert [word for word in ("url(", "@import", "http:", "https:", "FICTIF", "Bernard") if word in text] == []
    assert [one for event in region.history() if (one := event.data.get("identity_id")) and one in text] == []
    assert re.search(r"2\.25\.[89]", text) is None


def test_two_who_are_merged_are_one_person(read: Read) -> None:
    region = Hospitals()
    people = []
    for person in range(5):
        report = dose(f"2.25.9{person}", shot(f"2.25.8{person}", "bassin", "2026-01-10", dap_mgycm2=100.0 + person))
        people.append(region.receive("CHA", str(person), f"2.25.{person + 1}", report).result["identity"])
    connection = read(region)
    (apart,) = document(connection)["groups"]
    (merged,) = document(connection, persons_of=lambda _: {people[1]: people[0]})["groups"]
    assert [(one["persons"], one["median"]) for one in (apart, merged)] == [(5, 102.0), (4, None)]


def test_a_period_and_a_device_leave_out_the_others(read: Read) -> None:
    region = some(Random(3), people=150)
    connection = read(region)
    march = document(connection, Asked(site="CHA", since="2026-03-01", until="2026-03-31", device=DEVICE))
    assert {one["month"] for group in march["groups"] for one in group["months"] or ()} == {"2026-03"}
    assert march["exposures"] < document(connection)["exposures"]


def test_a_period_that_is_a_day_shorter_tells_nobodys_value(read: Read) -> None:
    """Of six, one came on the last day: the answers with and without that day are the same."""
    region = Hospitals()
    for person in range(6):
        day = "2026-01-30" if person else "2026-01-31"
        report = dose(f"2.25.9{person}", shot(f"2.25.8{person}", "bassin", day, dap_mgycm2=100.0 + person))
        region.receive("CHA", str(person), f"2.25.{person + 1}", report)
    connection = read(region)
    told = [document(connection, Asked(site="CHA", since="2026-01-05", until=f"2026-01-{day}")) for day in (30, 31)]
    assert told[0] == told[1]
    assert (told[0]["since"], told[0]["until"], told[0]["persons"]) == ("2026-01-01", "2026-01-31", 6)


def test_a_day_to_come_is_a_wrong_date_and_counts_where_somebody_asks_for_it(read: Read) -> None:
    """This month is whole all the same: a day more or less tells nobody's value."""
    region = Hospitals()
    for person, day in enumerate(("2026-06-20", "2026-06-30", "2026-07-01")):
        report = dose(f"2.25.9{person}", shot(f"2.25.8{person}", "bassin", day, dap_mgycm2=100.0))
        region.receive("CHA", str(person), f"2.25.{person + 1}", report)
    connection = read(region)
    periods = ((None, None), ("2026-01-01", None), (None, "2026-07-01"))
    told = [document(connection, Asked(site="CHA", since=since, until=until)) for since, until in periods]
    assert [(one["until"], one["exposures"]) for one in told] == [(None, 2), (None, 2), ("2026-07-31", 3)]


def test_days_at_the_beginning_of_the_calendar_have_an_answer(read: Read) -> None:
    """A device whose clock was never set, and whoever asks for the first year."""
    region = Hospitals()
    report = dose("2.25.1", shot("2.25.11", "Thorax PA", "0001-01-01", dap_mgycm2=1.0))
    report.device.update(model="Room", serial="1")
    region.receive("CHA", "1", "2.25.2", report)
    connection = read(region)
    assert document(connection)["exposures"] == 1
    assert document(connection, Asked(site="CHA", until="0001-01-01"))["since"] == "0001-01-01"


def test_another_mapping_holds_for_all_rows_at_once(read: Read) -> None:
    connection = read(some(Random(4)))
    found = document(connection, acts=DoseActs())
    assert {group["act"] for group in found["groups"]} == {None}
    assert {row["protocol"] for row in found["unmapped"]} == {*NAMES}


def test_both_languages_have_a_word_for_everything() -> None:
    assert {*WORDS} == {*LANGUAGES}
    assert WORDS["fr"].keys() == WORDS["en"].keys()
