"""Small parts of what answers an auditor's question."""

import re
from pathlib import Path

import pytest
from fastavro import schemaless_writer

from adapters.eventstore.histories import first_long
from domain.errors import BadActor, BadSite
from krypton.auditing import exposure_report
from krypton.auditing.accesses import Limits
from krypton.auditing.export_files import verifier
from krypton.auditing.temporary_views import NAMED
from projections.declared import VIEWS
from schemas.registry import registry
from tests.fakes.region import CLINICIAN

QUERIES = sorted(Path(__file__).parents[2].glob("projections/*/queries.py"))


@pytest.mark.parametrize("path", QUERIES, ids=lambda p: p.parent.name)
def test_the_queries_name_their_tables_so_that_they_can_be_asked_aside(path: Path) -> None:
    """Every table after FROM or JOIN is ``view.table``, or a name that the query itself makes."""
    source = path.read_text()
    named = re.findall(r"\b(?:FROM|JOIN) (?!LATERAL)([a-z_.]+)\b(?!\()", source)
    made = {*re.findall(r"\b(?:WITH|,) ([a-z_]+) AS \(", source), *re.findall(r"\b(\w+) AS \(", source)}
    assert named
    assert [name for name in named if not NAMED.fullmatch(name) and name not in made] == []


def test_every_view_can_be_asked_aside() -> None:
    assert all(NAMED.fullmatch(f"{view}.table") for view in VIEWS)


@pytest.mark.parametrize("number", [0, 1, -1, 63, 64, 1_767_225_600_000_000, -(2**62), 2**62])
def test_the_first_field_is_read_as_avro_writes_it(number: int) -> None:
    from io import BytesIO

    out = BytesIO()
    schemaless_writer(out, "long", number)
    assert first_long(out.getvalue() + b"\xff") == number


def test_every_event_begins_with_when_it_was_recorded() -> None:
    assert {schema.document["fields"][0]["name"] for schema in registry()} == {"recorded_at"}


def test_the_limits_of_a_question_are_recorded_as_they_were_typed() -> None:
    assert Limits(by="rpps:1", site="CHB", emergency=True).words() == ["by=rpps:1", "site=CHB", "emergency=True"]


@pytest.mark.parametrize(
    ("limits", "error"),
    [
        (Limits(by="Dr Jean Essai"), BadActor),
        (Limits(by="123456789012"), BadActor),
        (Limits(site="CHU de Bordeaux"), BadSite),
    ],
)
def test_a_limit_that_names_somebody_in_words_is_no_limit(limits: Limits, error: type[Exception]) -> None:
    """W1, E1: they are recorded in clear."""
    with pytest.raises(error):
        limits.refuse_words()


def test_ids_and_codes_are_limits() -> None:
    for by in (CLINICIAN, f"rpps:{CLINICIAN}", "system:cli"):
        Limits(by=by, site="CHB").refuse_words()


def test_the_verifier_knows_every_schema() -> None:
    source = verifier()
    assert all(f'"{schema.id}": "' in source for schema in registry())
    compile(source, "verify.py", "exec")


def test_no_reason_is_in_the_report_and_nothing_breaks_out_of_its_cell() -> None:
    typed = "twin | sisters\n## Heading <b>"
    statement = {"actor": typed, "type": "link.unmerged", "position": 1, "reason": "FICTIVE"}
    period = {"from": "x", "to": None, "began": None, "ended": statement}
    told = (
        "rpps",
        "site",
        "position",
        "asked_for",
        "ground",
        "rule",
        "opened_at",
        "ended_at",
        "exposed_from",
        "exposed_to",
    )
    access = {**dict.fromkeys(told, "x"), "reason": "FICTIVE", "foreign": []}
    look = {**dict.fromkeys(("recorded_at", "kind", "actor", "role", "position"), "x"), "reason": "FICTIVE"}
    report = {
        "identities": [{"identity": "1", "assigner": "A", "person": "1"}] * 2,
        "sides": [["1"], ["2"]],
        "counts": {"exposed": {}, "accesses": 0, "professionals": 0, "establishments": 0, "sent": 0},
        "still_one_person": False,
        "together": [period],
        "accesses": [access],
        "sent": [],
        "looks": [look],
        "withheld": 0,
        "position": 9,
        "unread": [],
    }
    page = exposure_report.markdown(report)
    assert "twin \\| sisters ## Heading &lt;b>" in page
    assert "\n## Heading" not in page
    assert "FICTIVE" not in page
