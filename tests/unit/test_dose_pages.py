"""Pages of doses: each printed page says what it is, pictures are told in words, and nothing is left in codes."""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest

from adapters.dicom.rdsr.concepts import TECHNIQUE as READ
from domain.dose_flags import NO_LEVEL, NO_POPULATION, NO_WEIGHT, PHANTOM
from domain.dose_levels import Level, ReferenceLevels
from domain.rules.acts import build
from krypton.faces.dose.page import page as patient_page
from krypton.faces.dose.study import page as study_page
from krypton.faces.dose.technique import STUDY, TECHNIQUE, warning
from krypton.faces.dose.words import ALERTED, BRIEF, COLON, LANGUAGES, PLAIN, QUANTITY_NAMES, WORDS, day, moment
from krypton.faces.practice.charts import FLOOR, HEIGHT, TOP, bars, box
from krypton.faces.practice.page import WHY, verdict
from krypton.faces.practice.page import page as device_page
from krypton.faces.practice.words import WORDS as DEVICE_WORDS
from krypton.faces.templates import css_string
from krypton.queries.census_groups import Census
from tests.fakes.dose_pages import LONG, TODAY, beside_region, device, patient, study

SITES = {"CHA": "Hôpital fictif A"}
Made = Callable[[str], str]
PAGES: dict[str, Made] = {
    "patient": lambda language: patient_page(patient(7, who=LONG, alerts=True), language, TODAY, SITES),
    "study": lambda language: study_page(study(3, who=LONG), language, TODAY, SITES),
    "device": lambda language: device_page(device(600), language, TODAY, SITES),
}
every_page = pytest.mark.parametrize("name", [*PAGES])
WARNINGS = ("sum_differs:dap_mgycm2", "damaged", "events_missing", "event_uid_shared", "event_uid_derived")


class Read(HTMLParser):
    """What is drawn, and the heads and cells of tables."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.pictures: list[dict[str, str]] = []
        self.cells: list[dict[str, str]] = []
        self.heads: list[str] = []
        self._head = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        self._head = tag == "th"
        if tag == "svg":
            self.pictures.append(told)
        if tag == "td":
            self.cells.append(told)
        if tag == "th":
            self.heads.append("")

    def handle_endtag(self, tag: str) -> None:
        self._head = self._head and tag != "th"

    def handle_data(self, data: str) -> None:
        if self._head:
            self.heads[-1] += data


def foot(text: str) -> str:
    """What stands below each printed page."""
    (told,) = re.findall(r'@bottom-left \{ content: "([^"]*)"', text)
    return re.sub(r"\\([0-9a-f]{6})", lambda found: chr(int(found[1], 16)), told)


def test_below_each_printed_page_stands_what_it_is_of_whom_of_which_days_and_as_of_when() -> None:
    told = {name: foot(made("fr")) for name, made in PAGES.items()}
    name = f"{LONG['given']} {LONG['family']}"
    assert told == {
        "patient": f"{WORDS['fr']['title']} · {name} · tout ce qui est connu · Relevé établi le 01/03/2026",
        "study": f"{STUDY['fr']['title']} · {name} · 10/01/2026 · Hôpital fictif A · Relevé établi le 01/03/2026",
        "device": "Doses délivrées par appareil · Hôpital fictif A · Période\u00a0: depuis le 01/03/2025 · "
        "Page établie le 01/03/2026",
    }


@pytest.mark.parametrize("language", ["fr", "en"])
def test_an_alert_without_its_sum_names_the_threshold_alone(language: str) -> None:
    """Its reader does not see all that it is over."""
    found = patient(7, alerts=True)
    found["alerts"] = [alert | {"value": None} for alert in found["alerts"]]
    text = patient_page(found, language, TODAY, SITES)
    assert 'data-alert="value"' not in text
    assert "000 mGy) –" in text


@every_page
def test_a_page_names_establishments_and_its_sources(name: str) -> None:
    text = PAGES[name]("en")
    assert ("Hôpital fictif A" in text, ">CHA<" in text, "dose reports and images" in text) == (True, False, True)


def test_a_name_ends_neither_the_string_nor_the_style_of_a_page() -> None:
    evil = '"; } </style><script>alert(1)</script>\\'
    text = patient_page(patient(1, who={"family": evil}), "fr", TODAY)
    assert ("<script" in text, evil in foot(text)) == (False, True)
    assert re.fullmatch(r"[\\0-9a-f]*", css_string(evil))


@pytest.mark.parametrize(
    ("since", "until", "told"),
    [
        (None, None, "Période\u00a0: tout ce qui est connu."),
        ("2025-01-02", None, "Période\u00a0: depuis le 02/01/2025."),
        ("2025-01-02", "2025-12-31", "Période\u00a0: depuis le 02/01/2025 jusqu’au 31/12/2025."),
    ],
)
def test_the_patient_is_told_of_which_days_the_totals_are(since: str | None, until: str | None, told: str) -> None:
    text = patient_page(patient(2) | {"since": since, "until": until, "undated": 4}, "fr", TODAY)
    assert told in text
    assert f"{WORDS['fr']['undated_then']}4" in text


@every_page
@pytest.mark.parametrize("language", LANGUAGES)
def test_each_picture_is_told_in_words_with_its_figures(name: str, language: str) -> None:
    pictures = Read(PAGES[name](language)).pictures
    assert len(pictures) > 2 if name == "device" else len(pictures) == (name == "patient")
    assert [one for one in pictures if one.get("role") != "img" or not re.search(r"\d", one["aria-label"])] == []


def test_a_histogram_is_told_bar_by_bar_and_a_trend_month_by_month() -> None:
    found = device(600)
    group = found["groups"][0]
    text = " ".join(one["aria-label"] for one in Read(device_page(found, "en", TODAY)).pictures)
    assert all(f"({bar['exposures']})" in text for bar in group["histogram"])
    assert all(month["month"] in text for month in group["months"] if month["median"] is not None)


def test_the_scale_beside_a_histogram_is_of_counts() -> None:
    """The height of a bar as wide as the narrowest one, on the scale that is drawn, is its count."""
    for group in device(900)["groups"]:
        drawn = bars(group)
        per_one = (drawn.counts[0][0] - drawn.counts[-1][0]) / drawn.counts[-1][1]
        for _, _, _, height, bar in drawn.bars:
            steps = (bar["to"] - bar["from"]) / drawn.each
            assert height * steps == pytest.approx(bar["exposures"] * per_one, abs=0.1 * steps)
        assert [*drawn.counts[0]] == [FLOOR, 0]
        assert all(TOP <= y <= HEIGHT and count == round(count) for y, count in drawn.counts)
        assert 2 <= len(drawn.counts) <= 7


def test_values_below_a_box_never_meet() -> None:
    level = {"value": 10.0, "guide": 9.0}
    for median in (0.1, 1.0, 5.0, 9.5, 10.0):
        of = {"p10": median * 0.9, "q1": median, "median": median, "q3": median, "p90": median}
        places = sorted(x for x, _, _ in box({**of, "level": level}).scale)
        assert all(right - left > 25 for left, right in pairwise(places)), median


@every_page
@pytest.mark.parametrize("language", LANGUAGES)
def test_each_cell_says_what_it_is_where_headings_are_not_beside_it(name: str, language: str) -> None:
    read = Read(PAGES[name](language))
    assert [one for one in read.cells if not one.get("data-label")] == []
    assert [head for head in read.heads if not head.strip()] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_of_a_page_is_a_name_of_the_ledgers(language: str) -> None:
    for kind in ("angiography", "mammography", "PET/CT"):
        text = re.sub(
            r'<style>.*?</style>|data-\w+="[^"]*"', "", study_page(study(2, kind), language, TODAY), flags=re.S
        )
        assert re.findall(r"\b[a-z]+_[a-z_]+\b", text) == []


def test_each_value_of_a_technique_and_each_warning_has_a_word() -> None:
    assert {concept.field for concept in READ.values()} <= {*TECHNIQUE}
    for language in LANGUAGES:
        assert [code for code in WARNINGS if warning(code, language, {"dap_mgycm2": "PDS"}) == code] == []
    assert warning("of_tomorrow", "fr", {}) == "of_tomorrow"


def test_exposures_of_one_minute_are_told_apart_and_a_radiopharmaceutical_is_named() -> None:
    text = study_page(study(3, "PET/CT"), "fr", TODAY)
    assert [f"10:00:0{second}<" in text for second in range(3)] == [True] * 3
    assert "FDG" in text


@pytest.mark.parametrize(
    ("text", "language", "told"),
    [
        ("1950-03-02", "fr", "02/03/1950"),
        ("1950-03-00", "fr", "03/1950"),
        ("1950-00-00", "fr", "1950"),
        ("1950-00-00", "en", "1950"),
        ("non connu", "fr", "non connu"),
    ],
)
def test_parts_of_a_date_that_are_not_known_are_not_written(text: str, language: str, told: str) -> None:
    assert day(text, language) == told
    assert moment(f"{text}T10:00:01.5+01:00", language) == f"{told} 10:00:01" or text == "non connu"


def test_a_dose_that_was_read_from_images_is_marked_and_one_without_a_date_has_a_place() -> None:
    found: dict[str, Any] = patient(2)
    found["exposures"][0]["source"] = "image"
    found["exposures"][1]["started_at"] = None
    text = patient_page(found, "fr", TODAY)
    assert (text.count(WORDS["fr"]["from_images"]), f"{WORDS['fr']['undated']}1" in text) == (1, True)


def test_both_languages_name_and_explain_each_quantity() -> None:
    for words in (BRIEF, PLAIN):
        assert {language: {*said} for language, said in words.items()} == {
            language: {*said} for language, said in QUANTITY_NAMES.items()
        }
    assert {*COLON} == {*LANGUAGES}


def test_a_box_lies_on_the_regions_quartiles_which_the_key_the_table_and_the_words_tell_too() -> None:
    found = beside_region(device(900))
    group = next(one for one in found["groups"] if one["act"] and one["population"] == "adult")
    band, region = box(group).region, group["region"]
    assert band is not None
    per_unit = (box(group).places["median"] - box(group).places["p10"]) / (group["median"] - group["p10"])
    assert band[1] == pytest.approx((region["q3"] - region["q1"]) * per_unit, rel=0.01)
    text = device_page(found, "fr", TODAY)
    assert f'value="{region["q1"]}" data-figure="region_q1"' in text
    assert "12 établissements, du 28/02/2025 au 27/02/2026. Comparaison établie le 28/02/2026." in text
    boxes = [one["aria-label"] for one in Read(text).pictures if one.get("class") == "box"]
    told = [one for one in boxes if "de face" in one]
    assert [one for one in told if "Région : " not in one] == []
    assert text.count('<rect class="region"') == sum("7 établissements" in one for one in told) > 0


@pytest.mark.parametrize(
    ("state", "said"), [("absent", "region_absent"), ("other_rules", "region_absent"), ("old", "region_old")]
)
def test_a_comparison_with_the_region_that_is_old_or_not_there_is_told(state: str, said: str) -> None:
    text = device_page(beside_region(device(300), state), "en", TODAY)
    assert (DEVICE_WORDS["en"][said] in text, '<rect class="region"' in text) == (True, state == "old")


@pytest.mark.parametrize(
    ("patient", "modality", "why"),
    [
        ((None, None, None, None), "DX", NO_POPULATION),
        (("child", None, None, None), "DX", NO_WEIGHT),
        (("child", None, 85.0, None), "DX", NO_LEVEL),
        (("adult", None, None, 32), "CT", PHANTOM),
        (("adult", None, None, None), "CT", PHANTOM),
        (("child", "30-50 kg", 40.0, 16), "CT", NO_LEVEL),
        (("adult", None, None, None), "MG", NO_LEVEL),
        (("adult", None, None, None), "DX", None),
        (("adult", None, None, 16), "CT", None),
    ],
)
def test_a_page_says_why_a_group_is_beside_no_level(patient: tuple[Any, ...], modality: str, why: str | None) -> None:
    """Its act may well have one."""
    act = "Crâne"
    acts = build(1, {"entries": [{"act": act, "protocols": ["crane"]}]})
    levels = ReferenceLevels(
        2019,
        (
            Level(act, "DX", "adult", "dap_mgycm2", 200.0, "mGy.cm2"),
            Level(act, "DX", "child", "dap_mgycm2", 50.0, "mGy.cm2", weight_kg=20.0),
            Level(act, "CT", "adult", "dlp_mgycm", 900.0, "mGy.cm", phantom_cm=16),
        ),
    )
    marks, none = f'["{modality}", "crane", [], null, null, null, null, null]', (None,) * 3
    doses = (None, 50.0, None) if modality == "CT" else (None, None, 20.0)
    rows = [("S", marks, None, *patient, f"e{n}", f"p{n}", "2025-01-02", *doses, *none) for n in range(40)]
    (group,) = Census(acts, levels, "CHB", {}).told(rows, str)["groups"]
    assert group["no_level"] == why
    for words in DEVICE_WORDS.values():
        said, _ = verdict(group, words)
        assert said == (words[WHY[why]] if why else f"{words['median']} {words['under']}")


@pytest.mark.parametrize("language", LANGUAGES)
def test_exposures_of_no_known_device_are_named_so(language: str) -> None:
    """Beside one device, too, of which a reader would take them to be."""
    found = device(60)
    for what in ("groups", "operators"):
        found[what] = [one | {"device": None} for one in found[what]]
    text, words = device_page(found, language, TODAY), DEVICE_WORDS[language]
    rows = sum(not one["too_small"] for one in found["operators"]) + len(found["groups"])
    assert ("None" in text, text.count(words["no_device"])) == (False, rows)


def test_of_several_devices_each_row_says_whose_it_is() -> None:
    found, one = device(600, devices=2), device(600)
    rows = sum(not group["too_small"] for what in ("groups", "operators") for group in found[what])
    assert len(re.findall(r"<small>[^<]*, Salle", device_page(found, "fr", TODAY))) == rows
    assert re.findall(r"<small>[^<]*, Salle", device_page(one, "fr", TODAY)) == []


def test_a_region_of_other_months_than_the_page_is_told() -> None:
    found = beside_region(device(300))
    assert "of another period" not in device_page(found, "en", TODAY)
    other = found | {"region": found["region"] | {"same_period": False}}
    assert "The figures of the devices are of another period: " in device_page(other, "en", TODAY)


def test_a_bar_of_a_round_count_is_drawn_whatever_its_width() -> None:
    """2,000 acquisitions of a step that no binary fraction is: their height comes out a little over 2,000."""
    steps = [{"from": 0.32, "to": 0.36, "exposures": 2_000}, {"from": 0.36, "to": 0.5, "exposures": 7}]
    drawn = bars({"level": None, "histogram": steps})
    assert drawn is not None
    assert drawn.counts[-1][1] == 2_000


@pytest.mark.parametrize(("median", "said"), [(201.0, "over"), (200.0, "at"), (199.0, "under")])
def test_a_median_at_the_level_is_neither_over_nor_under_it(median: float, said: str) -> None:
    level = {"enough": True, "statistic": "median", "value": 200.0, "guide": None}
    for words in DEVICE_WORDS.values():
        found = verdict({"act": "Chest PA", "level": level, "median": median}, words)
        assert found == (f"{words['median']} {words[said]}", said == "over")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_scanners_own_alert_is_told_in_words(language: str) -> None:
    found = patient(7, alerts=True)
    found["alerts"] = [alert | {"quantity": "ctdivol_mgy"} for alert in found["alerts"]]
    text = patient_page(found, language, TODAY, SITES)
    assert "ctdivol_mgy" not in text
    assert ALERTED[language]["ctdivol_mgy"][0] in text
