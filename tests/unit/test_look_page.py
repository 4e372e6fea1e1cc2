"""Quick look: the page of a study, whole without a script, with its report and dose, and marked as what it is not."""

import json
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from pydicom import uid as uids
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from starlette.testclient import TestClient

from krypton.faces.look import routes
from krypton.faces.look.page import own
from krypton.queries.glance import IN_PART, Glance
from krypton.queries.images import Study
from tests.fakes import pictures
from tests.fakes.dicom import instance, new_uid, report
from tests.fakes.images import Kept
from tests.fakes.web import PERSON, SIGNED, Queries, asking, wired

STUDY = "6f1c1c2e-0b1a-5c3e-9a0c-4b6a35d1e8f3"
PAGE = f"/studies/{STUDY}"
NOBODY: dict[str, Any] = {"person_then": None, "person_now": None, "since_then": []}
"""What a patient is told of it."""


class Look:
    """The page of what was taken in last."""

    def __init__(self, kept: Kept, queries: Queries, client: TestClient) -> None:
        self.kept, self.queries, self.client = kept, queries, client
        self.told: dict[str, Any] = {
            "person": PERSON,
            "members": [{"identity": PERSON, "assigner": "CHB", "local_id": "1001"}],
            "patient": {"family": "FICTIVE", "given": "Alex", "birth_date": "1970-01-01", "sex": "F"} | {"ins": None},
            "study": {"description": "Scanner", "modalities": ["CT"], "date": "2026-01-05T10:15:00Z", "site": "CHB"}
            | {"readings": [], "reports": []},
            "exposures": [],
            "alerts": [],
        }
        self.missing = ""
        self.images: Study | None = None

    def take_in(self, *images: Dataset) -> "Look":
        uid = self.kept.take_in(images)
        self.images = Study(self.kept.archive, self.queries.seen[uid])
        self.told["study"]["study_uid"] = uid
        return self

    def glance(self, ours: Any, caller: Any, study: Any) -> Glance:
        self.queries._answer("study.show", ours, caller, study)
        return Glance(self.told, self.images, self.missing)

    def get(self, query: str = "") -> Any:
        return self.client.get(PAGE + query, headers=SIGNED)

    def text(self, query: str = "") -> str:
        answer = self.get(query)
        assert answer.status_code == 200, answer.text
        return str(answer.text)


@pytest.fixture
def look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Look]:
    queries = Queries()
    queries.install(monkeypatch)
    kept = Kept(tmp_path, queries)
    with wired(tmp_path, archive=kept.archive) as web, asking(web) as client:
        made = Look(kept, queries, client)
        monkeypatch.setattr(routes, "glance_of", made.glance)
        yield made


def hrefs(text: str) -> dict[str, str]:
    """Addresses by the id of their link."""
    return {id: unescape(href) for id, href in re.findall(r'<a id="(\w+)"[^>]*? href="([^"]+)"', text)}


def picture(text: str) -> str:
    found = re.search(r'id="picture" src="([^"]+)"', text)
    assert found
    return unescape(found[1])


def test_it_is_marked_as_not_for_diagnosis_and_runs_nothing_but_its_own_file(look: Look) -> None:
    answer = look.take_in(*pictures.ct(5, 16, StudyInstanceUID=new_uid())).get()
    assert "<strong>Not for diagnosis.</strong>" in answer.text
    rules = answer.headers["content-security-policy"]
    assert "unsafe" not in rules
    assert "script-src 'self'" in rules
    scripts = re.findall(r"<script([^>]*)>", answer.text)
    assert [one for one in scripts if "src=" not in one and "application/json" not in one] == []
    assert not re.search(r"\son\w+=|<style| style=", answer.text)
    for path in re.findall(r'(?:src|href)="(/look/[^"]+)"', answer.text):
        file = look.client.get(path)
        assert (file.status_code, "immutable" in file.headers["cache-control"]) == (200, True)
    assert look.client.get("/look/look.js").status_code == 404


def test_each_series_has_its_key_image_and_the_first_is_shown_at_its_middle(look: Look) -> None:
    of = {"StudyInstanceUID": new_uid()}
    text = look.take_in(*pictures.ct(5, 16, **of), pictures.ultrasound(7, **of)).text()
    assert re.findall(r'<span class="count">(\d+) ', text) == ["5", "7"]
    rows = look.kept.rows(look.told["study"]["study_uid"])
    assert f"/instances/{rows[2][1]['sop_uid']}/frames/1/rendered?viewport=1024,1024" in picture(text)
    assert picture(text).startswith(f"/people/{PERSON}/dicom-web/studies/{of['StudyInstanceUID']}/series/{rows[0][0]}/")
    assert re.search(r'<img src="[^"]+/frames/4/rendered\?viewport=160,160" alt=""', text)
    assert 'aria-current="true"' in text
    assert "Image 3 of 5" in text
    assert 'alt="CT – Axial, image 3 of 5"' in text


def test_it_pages_without_a_script(look: Look) -> None:
    look.take_in(*pictures.ct(3, 16, StudyInstanceUID=new_uid()))
    seen = [picture(look.text(hrefs(look.text("?image=2"))[name].partition("studies")[2].partition(STUDY)[2]))
            for name in ("first", "previous", "next", "last")]  # fmt: skip
    assert seen[0] == seen[1] != seen[2] == seen[3]
    first, last = look.text("?image=1"), look.text("?image=3")
    assert "previous" not in hrefs(first)
    assert "next" not in hrefs(last)
    assert '<input type="range" id="slider" name="image" min="1" max="3" value="3">' in last
    assert f'action="{PAGE}"' in last


def test_frames_of_a_cine_are_pictures_one_by_one(look: Look) -> None:
    look.take_in(pictures.ultrasound(4, StudyInstanceUID=new_uid()))
    assert [re.search(r"/frames/(\d)/", picture(look.text(f"?image={n}")))[1] for n in (1, 4)] == ["1", "4"]  # type: ignore[index]


@pytest.mark.parametrize(("asked", "shown"), [("0", "1"), ("999", "3"), ("x", "2"), ("-1", "2"), ("1&image=3", "2")])
def test_what_is_no_image_of_the_series_shows_one_that_is(look: Look, asked: str, shown: str) -> None:
    look.take_in(*pictures.ct(3, 16, StudyInstanceUID=new_uid()))
    assert f"Image {shown} of 3" in look.text(f"?image={asked}")


def test_a_series_that_the_study_has_not_is_not_found(look: Look) -> None:
    look.take_in(*pictures.ct(1, 16, StudyInstanceUID=new_uid()))
    assert look.get("?series=1.2.3").status_code == 404


def test_windows_are_those_of_a_ct_and_one_that_is_none_is_as_stored(look: Look) -> None:
    look.take_in(*pictures.ct(3, 16, StudyInstanceUID=new_uid()))
    assert picture(look.text("?window=lung")).endswith("&window=-600,1500,linear")
    assert "window=" not in picture(look.text("?window=other"))
    assert re.findall(r'data-window="(\w+)"', look.text()) == ["stored", "soft", "lung", "bone", "brain"]
    look.take_in(pictures.mammogram(16, 16, StudyInstanceUID=new_uid()))
    assert "data-window" not in look.text()


def selection(uid: str, **of: Any) -> Dataset:
    """Names an image as a key one."""
    made = report(uids.KeyObjectSelectionDocumentStorage, SeriesInstanceUID=new_uid(), **of)
    image, series, study = Dataset(), Dataset(), Dataset()
    image.ReferencedSOPInstanceUID = uid
    series.ReferencedSOPSequence = Sequence([image])
    study.ReferencedSeriesSequence = Sequence([series])
    made.CurrentRequestedProcedureEvidenceSequence = Sequence([study])
    return made


def test_a_key_image_is_one_that_a_selection_names(look: Look) -> None:
    of = {"StudyInstanceUID": new_uid()}
    images = [*pictures.ct(5, 16, **of)]
    text = look.take_in(*images, selection(str(images[4].SOPInstanceUID), **of)).text()
    assert "Image 5 of 5" in text
    assert "Finding" not in text


def test_report_and_dose_stand_beside_the_pictures(look: Look) -> None:
    of: dict[str, Any] = {"StudyInstanceUID": new_uid()}
    look.told["exposures"] = [{"protocol": "TETE", "ctdivol_mgy": 38.5, "dlp_mgycm": 620.0, "dap_mgycm2": None}]
    look.told["study"]["readings"] = [{"conclusion": "Pas de lésion."}, {"conclusion": None}]
    look.take_in(*pictures.ct(1, 16, **of), pictures.pdf(**of), report(SeriesInstanceUID=new_uid(), **of))
    text = look.text()
    assert "<li>TETE: CTDIvol 38.5 mGy, DLP 620 mGy·cm</li>" in text
    assert "Pas de lésion." in text
    assert '<span class="concept">Finding:</span> Sans particularité.' in text
    assert re.search(r'/bulkdata/00420011" target="_blank" rel="noopener">', text)
    assert text.count('<p class="conclusion">') == 1


def test_nothing_that_is_known_is_said_in_words(look: Look) -> None:
    look.take_in(selection("1.2.3", StudyInstanceUID=new_uid()))
    text = look.text()
    assert "The study has no image." in text
    assert "No dose is known of this study." in text
    look.images, look.missing = None, IN_PART
    text = look.text()
    assert f"No pictures: {IN_PART}." in text
    assert "No report is known." in text


def test_it_says_whose_pictures_these_are_by_number_and_not_by_name_alone(look: Look) -> None:
    """Two people have one name: the numbers of each establishment tell them apart, as does the INS."""
    look.take_in(*pictures.ct(2, 16, StudyInstanceUID=new_uid()))
    look.told["members"].append({"identity": PERSON, "assigner": "CHP", "local_id": "P-77"})
    text = look.text()
    assert "CHB: 1001, CHP: P-77" in text
    assert "Born: 1970-01-01, sex: female<" in text
    look.told["patient"] |= {"birth_date": None, "sex": "I", "ins": "269054958815780"}
    assert "Born: not known, sex: undetermined, INS: 269054958815780" in look.text()
    look.told["patient"]["sex"] = None
    assert "sex: not known" in look.text()


@pytest.mark.parametrize(("count", "hidden"), [(1, 2), (2, 0)])
def test_what_pages_through_images_is_there_where_there_are_several(look: Look, count: int, hidden: int) -> None:
    """Links that lead nowhere, and a slider that does not move, are hidden: of one image nobody looks for more."""
    text = look.take_in(*pictures.ct(count, 16, StudyInstanceUID=new_uid())).text()
    assert len(re.findall(r'<nav [^>]*class="paging" hidden>|<form id="go"[^>]* hidden>', text)) == hidden


def test_texts_of_devices_run_nothing(look: Look) -> None:
    of = {"StudyInstanceUID": new_uid(), "SeriesDescription": "</script><script>alert(1)</script>\"'>"}
    look.told["patient"]["family"] = "<b>FICTIVE</b>"
    text = look.take_in(*pictures.ct(2, 16, **of)).text()
    assert "<script>alert" not in text
    assert "<b>FICTIVE" not in text
    data = re.search(r'<script type="application/json" id="images"[^>]*>(.*?)</script>', text, re.DOTALL)
    assert data
    assert [frames for _, frames in json.loads(data[1])["images"]] == [1, 1]


def test_a_refusal_shows_nothing(look: Look) -> None:
    look.take_in(instance(SeriesInstanceUID=new_uid(), StudyInstanceUID=new_uid()))
    look.queries.refuses = "X12"
    assert look.get().status_code == 403
    assert look.client.get(PAGE).status_code == 401


def test_the_script_asks_nobody_but_this_service() -> None:
    text = own("js")[1].decode()
    assert not re.search(r"https?:|eval|innerHTML|document\.write", text)


def test_an_alert_tells_of_whom_it_was_raised_and_who_that_is_now(look: Look) -> None:
    """Its mail leads here; the person may have been merged since (identity case 29)."""
    then = "0d2c6c0e-7f0f-5b0c-8f8c-2f9f0f6f3f11"
    look.take_in(*pictures.ct(1, 16, StudyInstanceUID=new_uid()))
    alert: dict[str, Any] = {
        "alert": "5e0b6f5e-1b7a-5c0e-9d5c-1f0f6f3f8a12",
        "kind": "dlp_mgycm_over",
        "quantity": "dlp_mgycm",
    }
    alert |= {"value": 1_234.5, "state": "open", "raised_at": "2026-01-05T10:15:00Z"}
    persons = {"person_then": then, "person_now": PERSON, "since_then": ["merged"]}
    look.told["alerts"] = [alert | persons, alert | {"quantity": None, "kind": "repeated-ct"} | NOBODY]
    look.told["alerts"].append(alert | {"value": None} | NOBODY)
    told, kept, part = re.findall(r'<p class="alert">(.+?)</p>', look.text())
    assert told == (
        f"Alert {alert['alert']}, raised 2026-01-05, open: DLP 1234.5 mGy·cm. "
        f"Person: {then} then, {PERSON} now: merged with others since"
    )
    assert kept == f"Alert {alert['alert']}, raised 2026-01-05, open: repeated-ct"
    assert part == f"Alert {alert['alert']}, raised 2026-01-05, open: DLP"
