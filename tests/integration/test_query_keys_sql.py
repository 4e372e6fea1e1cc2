"""PostgreSQL finds by a key exactly the studies that the reference of ``domain.query_keys`` finds."""

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.dicom.values import iso
from domain.query_keys import BadKey, Condition, condition, fits, folded
from krypton.queries import conditions
from krypton.queries.conditions import PATIENT, STUDY, of_patient, of_study

pytestmark = pytest.mark.live

SIGNS = "abAB12éÉœßñØł ^-'_%*?\\.山Ω\u0301"
texts = st.text(alphabet=SIGNS, max_size=6)
dates = st.sampled_from(["20251231", "20260101", "20260105", "20260131", "20270101"])
times = st.sampled_from(["", "10", "1015", "101500", "101530.5", "235959.999999", "000000"])
study = st.fixed_dictionaries(
    {
        "StudyInstanceUID": st.sampled_from(["1.2.3", "1.2.33", "2.25.1"]),
        "StudyDate": st.one_of(st.just(""), dates),
        "StudyTime": times,
        "AccessionNumber": st.one_of(st.none(), texts),
        "StudyDescription": st.one_of(st.none(), texts),
        "ModalitiesInStudy": st.lists(st.sampled_from(["CT", "CTA", "MR", "SR", "C_"]), max_size=3, unique=True),
    }
)
ranges = st.builds("{}-{}".format, st.one_of(st.just(""), dates), st.one_of(st.just(""), dates))
keys = st.one_of(
    st.tuples(st.sampled_from(["AccessionNumber", "StudyDescription"]), texts),
    st.tuples(st.just("StudyInstanceUID"), st.sampled_from(["1.2.3", "1.2.3\\2.25.1", "1.2.33,1.2.3", "9"])),
    st.tuples(st.just("StudyDate"), st.one_of(dates, ranges)),
    st.tuples(st.just("StudyTime"), st.sampled_from(["10", "10-11", "1015-", "-101530", "101530.5", "2359", "-"])),
    st.tuples(
        st.just("ModalitiesInStudy"), st.sampled_from(["CT", "C*", "C?", "C_", "*", "MR", "%", "_R", "CT\\\\MR"])
    ),
)


@pytest.fixture
def connection(database_url: str) -> Iterator[Any]:
    with closing(psycopg2.connect(database_url)) as opened:
        yield opened


def row(number: int, one: dict[str, Any]) -> tuple[Any, ...]:
    """The study as the view has it."""
    started_at = iso(one["StudyDate"] + one["StudyTime"]) if one["StudyDate"] else None
    modalities = json.dumps(sorted(one["ModalitiesInStudy"]))
    return number, one["StudyInstanceUID"], started_at, one["AccessionNumber"], one["StudyDescription"], modalities


def values(one: dict[str, Any], keyword: str) -> list[str]:
    """What the study says under a keyword; a time without a date is not kept."""
    if keyword == "StudyTime" and not one["StudyDate"]:
        return []
    said = one[keyword]
    return said if isinstance(said, list) else [said] if said else []


def reference(told: dict[str, str]) -> dict[str, Condition | None]:
    return {keyword: condition(keyword, STUDY[keyword][0], key) for keyword, key in told.items()}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(studies=st.lists(study, min_size=1, max_size=8), asked=st.lists(keys, min_size=1, max_size=3))
def test_the_database_finds_what_the_reference_finds(
    connection: Any, studies: list[dict[str, Any]], asked: list[tuple[str, str]]
) -> None:
    told = dict(asked)
    try:
        text, parameters = of_study(told)
    except BadKey:
        with pytest.raises(BadKey):
            reference(told)
        return
    conditions_of = reference(told)
    expected = {n for n, one in enumerate(studies) if all(fits(c, values(one, k)) for k, c in conditions_of.items())}
    with connection.cursor() as cursor:
        rows = b",".join(
            cursor.mogrify("(%s, %s, %s, %s, %s, %s::jsonb)", row(n, one)) for n, one in enumerate(studies)
        )
        columns = "n, study_uid, started_at, accession, description, modalities"
        query = f"SELECT n FROM (VALUES {rows.decode().replace('%', '%%')}) AS s({columns}) WHERE {text}"
        cursor.execute(query, parameters)
        assert {n for (n,) in cursor} == expected
    connection.rollback()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12))
def test_the_database_folds_as_the_reference_does(connection: Any, text: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {conditions.folded('%(text)s')}", {"text": text})
        assert cursor.fetchone() == (folded(text),)
    connection.rollback()


patient = st.fixed_dictionaries(
    {
        "local_id": texts,
        "assigner": st.sampled_from(["CHB", "CH_", "chb"]),
        "family": st.one_of(st.none(), texts),
        "given": st.one_of(st.none(), texts),
        "used_name": st.one_of(st.none(), texts),
        "birth_date": st.sampled_from(["1970-01-31", "1970-00-00", "1970-01-00", "1970-31-05", "1969-12-31", None]),
    }
)
patient_keys = st.one_of(
    st.tuples(st.sampled_from(["PatientID", "PatientName"]), texts),
    st.tuples(st.just("PatientName"), st.sampled_from(["a*", "a^b", "*é^*", "山", "ab^12", "?b"])),
    st.tuples(st.just("IssuerOfPatientID"), st.sampled_from(["CHB", "CH?", "CH_", "*"])),
    st.tuples(
        st.just("PatientBirthDate"), st.sampled_from(["19700131", "1970.01.31", "19700101-", "-19700131", "19700100"])
    ),
)


def said(one: dict[str, Any], keyword: str) -> list[str]:
    """What an identity says under a keyword: the name at birth and the one in use, a birth date that is whole."""
    if keyword == "PatientName":
        used = [one["used_name"]] if one["used_name"] else []
        return [f"{name or ''}^{one['given'] or ''}".rstrip("^") for name in (one["family"], *used)]
    if keyword == "PatientBirthDate":
        _, month, day = (one["birth_date"] or "0-0-0").split("-")
        return [one["birth_date"].replace("-", "")] if "01" <= month <= "12" and day >= "01" else []
    return [one["local_id" if keyword == "PatientID" else "assigner"]]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(people=st.lists(patient, min_size=1, max_size=8), asked=st.lists(patient_keys, min_size=1, max_size=3))
def test_the_database_finds_the_patients_whom_the_reference_finds(
    connection: Any, people: list[dict[str, Any]], asked: list[tuple[str, str]]
) -> None:
    told = dict(asked)
    try:
        text, parameters = of_patient(told)
    except BadKey:
        with pytest.raises(BadKey):
            {keyword: condition(keyword, PATIENT[keyword][0], key) for keyword, key in told.items()}
        return
    conditions_of = {keyword: condition(keyword, PATIENT[keyword][0], key) for keyword, key in told.items()}
    expected = {n for n, one in enumerate(people) if all(fits(c, said(one, k)) for k, c in conditions_of.items())}
    with connection.cursor() as cursor:
        rows = b",".join(
            cursor.mogrify("(%s, %s, %s, %s::jsonb)", (n, one["local_id"], one["assigner"], json.dumps(one)))
            for n, one in enumerate(people)
        )
        query = f"SELECT n FROM (VALUES {rows.decode().replace('%', '%%')}) AS i(n, local_id, assigner, traits)"
        cursor.execute(f"{query} WHERE {text}", parameters)
        assert {n for (n,) in cursor} == expected
    connection.rollback()


def test_every_key_is_a_parameter() -> None:
    text, parameters = of_study(dict.fromkeys(["AccessionNumber", "StudyDescription"], "x' OR true --"))
    assert "OR" not in text
    assert parameters["key_AccessionNumber"] == ["x' OR true --"]


def test_what_a_study_is_not_searched_by_is_said() -> None:
    with pytest.raises(BadKey, match="studies are not searched by PatientWeight, but by StudyInstanceUID"):
        of_study({"PatientWeight": "70"})
