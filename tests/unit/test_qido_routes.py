"""Searches over HTTP are decided once, under the caller's name, and say by header what is left or was not done."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.fakes.web import DOCTOR, PERSON, SIGNED, WHY, Queries

STUDIES, OF_A_PERSON = "/dicom-web/studies", f"/people/{PERSON}/dicom-web/studies"


def found(client: TestClient, path: str = STUDIES, **headers: str) -> Any:
    return client.get(path, headers=SIGNED | headers)


@pytest.mark.parametrize(("path", "whose"), [(STUDIES, "everybody"), (OF_A_PERSON, PERSON)])
def test_a_search_is_asked_once_under_the_callers_name(
    client: TestClient, queries: Queries, path: str, whose: str
) -> None:
    answer = found(client, f"{path}?PatientName=A*&00080020=20260101-")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/dicom+json")
    ((task, caller, about),) = queries.asked
    assert (task, about, queries.keys) == ("study.search", whose, {"PatientName": "A*", "StudyDate": "20260101-"})
    assert (caller.actor, caller.site, caller.reason) == (DOCTOR, "CHB", WHY["Krypton-Reason"])
    (study,) = answer.json()
    assert study["00081190"]["Value"] == [f"https://krypton.example{path}/1.2.3"]


def test_nothing_is_found_for_somebody_unknown_or_undecided(
    client: TestClient, queries: Queries, caplog: pytest.LogCaptureFixture
) -> None:
    assert client.get(STUDIES, headers=WHY).status_code == 401
    assert queries.asked == []
    queries.records = False
    queries.document = {"person": "FICTIVE"}
    for path in (STUDIES, OF_A_PERSON):
        answer = found(client, path)
        assert (answer.status_code, "FICTIVE" in answer.text) == (500, False)
    assert "FICTIVE" not in caplog.text


def test_a_refusal_is_told_with_its_rule(client: TestClient, queries: Queries) -> None:
    queries.refuses = "X12"
    answer = found(client)
    assert (answer.status_code, answer.json()["rule"]) == (403, "X12")


def test_what_is_left_and_what_was_not_done_is_said(client: TestClient, queries: Queries) -> None:
    assert "warning" not in found(client).headers
    queries.more = True
    said = found(client, f"{STUDIES}?fuzzymatching=true").headers["warning"]
    assert said == (
        '299 krypton "There are additional results that can be requested", '
        '299 krypton "The fuzzymatching parameter is not supported. Only literal matching has been performed."'
    )


@pytest.mark.parametrize(
    ("accept", "given"),
    [
        ("", "application/dicom+json"),
        ("*/*", "application/dicom+json"),
        ("application/json", "application/json"),
        ('multipart/related; type="application/dicom+xml", application/dicom+json', "application/dicom+json"),
        ('multipart/related; type="application/dicom+xml"', None),
        ("text/html", None),
    ],
)
def test_an_answer_is_json_or_none(client: TestClient, queries: Queries, accept: str, given: str | None) -> None:
    answer = found(client, accept=accept)
    if given is None:
        assert (answer.status_code, queries.asked) == (406, [])
    else:
        assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, given)


@pytest.mark.parametrize("host", ['evil"><script>', "a b", "user@host", "x" * 300])
def test_a_host_that_is_none_is_no_address(client: TestClient, host: str) -> None:
    (study,) = found(client, host=host).json()
    assert study["00081190"] == {"vr": "UR"}
