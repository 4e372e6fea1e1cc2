"""What a search over HTTP asks for is read as PS3.18 says, and what cannot be asked is refused by its name."""

from typing import Any
from urllib.parse import parse_qs

import pytest

from domain.query_keys import BadKey
from krypton.faces.dicomweb.asked_for import search_in
from krypton.faces.http.problem import Problem


def asked(query: str) -> Any:
    return search_in(parse_qs(query, keep_blank_values=True))


@pytest.mark.parametrize(
    ("query", "keys"),
    [
        ("PatientName=MARTIN*&00100020=1234", {"PatientName": "MARTIN*", "PatientID": "1234"}),
        ("0020000d=1.2,1.3", {"StudyInstanceUID": "1.2\\1.3"}),
        ("StudyInstanceUID=1.2&StudyInstanceUID=1.3", {"StudyInstanceUID": "1.2\\1.3"}),
        ("ModalitiesInStudy=CT,MR", {"ModalitiesInStudy": "CT\\MR"}),
        ("ModalitiesInStudy=CT&ModalitiesInStudy=MR", {"ModalitiesInStudy": "CT\\MR"}),
        ("00400275.00400009=S1", {"RequestAttributesSequence.ScheduledProcedureStepID": "S1"}),
        (
            "RequestAttributesSequence.ScheduledProcedureStepID=S1",
            {"RequestAttributesSequence.ScheduledProcedureStepID": "S1"},
        ),
        ("AccessionNumber=A%2C1", {"AccessionNumber": "A,1"}),
        ("PatientName=", {"PatientName": ""}),
        ("includefield=all", {}),
        ("includefield=", {}),
        ("includefield=00081030,PatientName&includefield=StudyID", {}),
    ],
)
def test_keys_are_named_by_keyword_or_tag(query: str, keys: dict[str, str]) -> None:
    assert asked(query).keys == keys


def test_how_many_and_from_where_on() -> None:
    found = asked("limit=20&offset=40&fuzzymatching=true")
    assert (found.limit, found.offset, found.fuzzy) == (20, 40, True)
    assert (asked("").limit, asked("").offset, asked("fuzzymatching=false").fuzzy) == (100, 0, False)
    assert asked("limit=999999999").limit == 1_000


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("PatientNmae=X", "PatientNmae: no parameter of a search"),
        ("00100099=X", "00100099: no parameter"),
        ("limit=0", "limit"),
        ("limit=-1", "limit"),
        ("limit=1&limit=2", "limit"),
        ("offset=1e9", "offset"),
        ("offset=%D9%A1", "offset"),
        ("fuzzymatching=perhaps", "fuzzymatching"),
        ("includefield=Nothing", "Nothing: no parameter"),
        ("..=X", "no keyword"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_name(query: str, says: str) -> None:
    with pytest.raises(Problem) as refused:
        asked(query)
    assert refused.value.status == 400
    assert says in refused.value.detail


def test_what_is_no_name_of_anything_is_not_repeated() -> None:
    with pytest.raises(Problem) as refused:
        asked("Fictive%20Alex=X")
    assert "Fictive" not in refused.value.detail


@pytest.mark.parametrize("query", ["PatientID=1&PatientID=2", "PatientID=1&00100020=2"])
def test_a_key_is_asked_for_once(query: str) -> None:
    with pytest.raises(BadKey, match="PatientID: it is asked for more than once"):
        asked(query)
