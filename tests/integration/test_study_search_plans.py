"""How PostgreSQL finds studies in a large region: by an index, whoever asks and whatever is sought.

The region is large enough for reading all of it to cost more than any index; more studies only widen that.
"""

import re
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import md5
from typing import Any

import pytest

from krypton.devstack.stack import Stack
from krypton.queries import study_rows
from krypton.queries.conditions import of_patient, of_study
from krypton.queries.leads import to_people, to_studies
from krypton.queries.study_rows import Scope
from postgres import prepared
from projections.engine.query import NAMED, fetch
from tests.integration.audit_world import AuditWorld, audit_world

pytestmark = pytest.mark.live

PEOPLE = 40_000
LETTERS = ("0123456789", "ghijklmnop")
NAME = md5(b"1", usedforsecurity=False).hexdigest()[:9].translate(str.maketrans(*LETTERS)).upper()
"""One of three thousand family names."""
UID = "1.2.826.0.1.3680043.10.1999.4711"
FILL = (
    """
    WITH person(n, name) AS (
        SELECT n, upper(translate(left(md5((n * 7919 %% 3000)::text), 9), '{}', '{}'))
        FROM generate_series(1, %(people)s) n
    ), written AS (
        INSERT INTO identity_index_v1.family_name SELECT md5(n::text)::uuid, name, left(name, 5), true FROM person
    )
    INSERT INTO identity_index_v1.identity
    SELECT md5(n::text)::uuid, CASE n %% 40 WHEN 0 THEN 'CHB' ELSE 'CHP' END, n::text, 1,
           jsonb_build_object('family', name, 'given', 'Anne', 'sex', 'F', 'birth_place', '33063',
                              'birth_date', to_char(date '1930-01-01' + n * 7 %% 32000, 'YYYY-MM-DD')),
           '[["ANNE", "AN", true]]'::jsonb, name || ' ANNE', 'PROV', '[]'::jsonb, '{{}}'::jsonb, 'register',
           lpad(n::text, 15, '1'), '1.2.250.1.213.1.4.10', false, n, n
    FROM person
    """.format(*LETTERS),
    """
    INSERT INTO identity_index_v1.node
    SELECT md5(n::text)::uuid, md5((n / 2)::text)::uuid, md5((n / 2)::text)::uuid, n
    FROM generate_series(1, %(people)s) n
    """,
    """
    INSERT INTO patient_record_v1.study
    SELECT md5('s' || n)::uuid, md5((n / 2)::text)::uuid, md5((n / 2)::text)::uuid, '1.2.826.0.1.3680043.10.1999.' || n,
           'CHP', 'A' || n, to_char(date '2016-01-01' + n %% 3600, 'YYYY-MM-DD') || 'T10:15:00', '["CT"]'::jsonb,
           'Thorax', '{}'::jsonb, 1, false, n, n, n
    FROM generate_series(1, %(people)s * 2) n
    """,
    """
    INSERT INTO patient_record_v1.exam_order
        (order_id, identity_id, state, site, presented_at, first_position, last_position)
    SELECT md5('o' || n)::uuid, md5(n::text)::uuid, 'presented', 'CHP', 'CHA', n, n
    FROM generate_series(1, %(people)s) n
    """,
    *(
        f"ANALYZE {table}"
        for table in (
            *("identity_index_v1.identity", "identity_index_v1.family_name", "identity_index_v1.node"),
            *("patient_record_v1.study", "patient_record_v1.exam_order"),
        )
    ),
)
IDS = [
    f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"
    for h in (md5(str(n).encode(), usedforsecurity=False).hexdigest() for n in range(1, 200))
]
Plan = Callable[[Callable[[Any], Any]], str]


@pytest.fixture(scope="module")
def world(stack: Stack) -> Iterator[AuditWorld]:
    with audit_world(stack) as made:
        with made.cursor() as cursor:
            for statement in FILL:
                cursor.execute(statement, {"people": PEOPLE})
        yield made


@pytest.fixture
def plan(world: AuditWorld) -> Plan:
    """What PostgreSQL would do for a query."""

    def planned(ask: Callable[[Any], Any]) -> str:
        plans: list[str] = []

        def explained(connection: Any, query: str, **values: Any) -> list[Any]:
            plans.extend(row["QUERY PLAN"] for row in fetch(connection, f"EXPLAIN {query}", **values))
            return []

        with pytest.MonkeyPatch.context() as patched, world.krypton.snapshot() as connection:
            patched.setattr(study_rows, "fetch", explained)
            patched.setattr(study_rows, "fetch_by_index", partial(_of_any_values, plans))
            ask(connection)
        return "\n".join(plans)

    return planned


def _of_any_values(plans: list[str], connection: Any, query: str, **values: Any) -> list[Any]:
    """The plan of a statement that is planned once."""
    names = NAMED.findall(query)
    with connection.cursor() as cursor:
        planned = prepared.execution(cursor, NAMED.sub("%s", query))
        cursor.execute(f"{prepared.BY_INDEX} EXPLAIN {planned}", [values[name] for name in names])
        plans.extend(line for (line,) in cursor.fetchall())
    return []


def held_to_indexes(told: str) -> None:
    """All days of a region are read by an index too: that is none of these, unless days are asked of it."""
    assert "Index" in told
    assert "Seq Scan" not in told, told
    assert "study_started" not in told or re.search("Index Cond: .*started_at", told), told


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"StudyDate": "20260101-"},
        {"StudyInstanceUID": UID},
        {"StudyDescription": "*thorax*", "ModalitiesInStudy": "CT"},
        {"AccessionNumber": "A4711"},
    ],
    ids=lambda keys: " ".join(keys) if isinstance(keys, dict) else None,
)
@pytest.mark.parametrize("few", [1, 40, 199])
def test_studies_of_some_people_are_found_by_theirs_alone(plan: Plan, few: int, keys: dict[str, str]) -> None:
    condition, values = of_study(keys)
    held_to_indexes(plan(lambda connection: study_rows.found(connection, Scope(IDS[:few]), condition, values, 1_000)))


@pytest.mark.parametrize("keys", [{"PatientName": "*A*"}, {"PatientID": "47*"}, {"PatientBirthDate": "19500101-"}])
def test_patients_are_sought_among_some_people_alone(plan: Plan, keys: dict[str, str]) -> None:
    condition, values = of_patient(keys)
    held_to_indexes(plan(lambda connection: study_rows.people(connection, Scope(IDS), condition, values, 1_001)))


@pytest.mark.parametrize(
    "keys",
    [
        {"PatientID": "4711"},
        {"PatientName": f"{NAME}*"},
        {"PatientName": f"{NAME[:2]}*"},
        {"PatientName": f"{NAME}^ANNE"},
        {"PatientBirthDate": "19500312"},
        {"PatientBirthDate": "19500312", "PatientName": "*A*"},
    ],
    ids=lambda keys: " ".join(keys.values()) if isinstance(keys, dict) else None,
)
def test_an_establishment_is_led_to_its_patients_by_an_index(plan: Plan, keys: dict[str, str]) -> None:
    led = to_people(keys)
    assert led is not None
    condition, values = of_patient(keys)
    asked = f"{condition} AND {led[0]}"
    held_to_indexes(
        plan(lambda connection: study_rows.people(connection, Scope(site="CHB"), asked, values | led[1], 1_001))
    )


@pytest.mark.parametrize(
    "keys",
    [
        {"StudyInstanceUID": UID},
        {"StudyInstanceUID": f"{UID}\\{UID}2"},
        {"AccessionNumber": "A4711"},
        {"StudyDate": "20250105"},
        {"StudyDate": "20250101-20250131", "ModalitiesInStudy": "MR"},
    ],
    ids=lambda keys: " ".join(keys) if isinstance(keys, dict) else None,
)
def test_an_establishment_is_led_to_studies_by_an_index(plan: Plan, keys: dict[str, str]) -> None:
    led = to_studies(keys)
    assert led is not None
    condition, values = of_study(keys)
    asked = f"{condition} AND {led[0]}"
    held_to_indexes(
        plan(lambda connection: study_rows.found(connection, Scope(site="CHB"), asked, values | led[1], 1_000))
    )


def test_without_a_lead_the_region_would_be_read(plan: Plan) -> None:
    everybody = Scope(site="CHB")
    for told in (
        plan(lambda connection: study_rows.people(connection, everybody, "true", {}, 1_000)),
        plan(lambda connection: study_rows.found(connection, everybody, "true", {}, 1_000)),
    ):
        with pytest.raises(AssertionError):
            held_to_indexes(told)
