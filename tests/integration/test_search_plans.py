"""How PostgreSQL finds people in a large region: by an index, whatever is sought.

The region is large enough for reading all of it to cost more than any index; more people only widen that.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from hashlib import md5
from typing import Any
from uuid import uuid4

import pytest

from krypton.devstack.stack import Stack
from projections.engine.query import fetch
from projections.identity_index import search
from projections.identity_index.view import IdentityIndex
from tests.fakes.views import Hospitals
from tests.integration.view_reader import ViewReader

pytestmark = pytest.mark.live

Plan = Callable[[dict[str, str]], str]
PEOPLE = 60_000
LETTERS = ("0123456789", "ghijklmnop")
FAMILIES = """
SELECT n, translate(left(md5((n * 7919 %% 3000)::text), 9), '{}', '{}') FROM generate_series(1, %(people)s) n
""".format(*LETTERS)
"""Number and family name of each: three thousand names."""
NAME = md5(b"1", usedforsecurity=False).hexdigest()[:9].translate(str.maketrans(*LETTERS)).upper()
"""One of them."""
FILL = (
    f"""
    WITH person(n, name) AS ({FAMILIES})
    INSERT INTO identity_index_v1.identity
    SELECT md5(n::text)::uuid, 'CHB', n::text, 1,
           jsonb_build_object('family', name, 'given', 'Anne', 'sex', 'F', 'birth_place', '33063',
                              'birth_date', to_char(date '1930-01-01' + n * 7 %% 32000, 'YYYY-MM-DD')),
           '[["ANNE", "AN", true]]'::jsonb, name || ' ANNE', 'PROV', '[]'::jsonb, '{{}}'::jsonb, 'register',
           lpad(n::text, 15, '1'), '1.2.250.1.213.1.4.10', false, n, n
    FROM person
    """,
    f"""
    WITH person(n, name) AS ({FAMILIES})
    INSERT INTO identity_index_v1.family_name
    SELECT md5(n::text)::uuid, upper(name), upper(left(name, 5)), true FROM person
    """,
    "ANALYZE identity_index_v1.identity",
    "ANALYZE identity_index_v1.family_name",
)


@pytest.fixture(scope="module")
def plan(stack: Stack) -> Iterator[Plan]:
    """The plan of a search in a large region, as PostgreSQL tells it."""
    database = f"test_{uuid4().hex}"
    with closing(ViewReader(stack.new_database(database), IdentityIndex())) as reader:
        connection = reader.read(Hospitals())
        with connection.cursor() as cursor:
            for statement in FILL:
                cursor.execute(statement, {"people": PEOPLE})
        yield lambda criteria: planned(connection, criteria)
    stack.drop_database(database)


def planned(connection: Any, criteria: dict[str, str]) -> str:
    """What PostgreSQL would do for either kind of search."""
    plans: list[str] = []

    def explained(connection: Any, query: str, **values: Any) -> list[Any]:
        plans.extend(row["QUERY PLAN"] for row in fetch(connection, f"EXPLAIN {query}", **values))
        return []

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(search, "fetch", explained)
        search.search(connection, criteria, 50)
        search.some_of(connection, criteria, 101)
    return "\n".join(plans)


@pytest.mark.parametrize(
    "criteria",
    [
        {"family": NAME[:3]},
        {"family": NAME[:2]},
        {"family": NAME[:1]},
        {"family": NAME[:3], "given": "Anne"},
        {"family": NAME[:3], "given": "Zoé", "sex": "M", "birth_place": "33063", "assigner": "CHB"},
        {"family_is": NAME, "given_is": "Anne"},
        {"family_sound": NAME},
        {"family_sound": NAME, "given_sound": "Anne"},
        {"family": NAME[:1], "birth_date": "1950-03-12"},
        {"family_sound": NAME, "birth_date": "1950-00-00"},
        {"birth_date": "1950-03-12"},
        {"birth_date": "1950-03-00", "given": "Anne"},
        {"birth_date": "1950-00-00"},
        {"number": "4711"},
        {"number": "4711", "assigner": "CHB"},
        {"ins": "111111111114711"},
        {"ins": "111111111114711", "ins_oid": "1.2.250.1.213.1.4.10", "status": "QUAL"},
    ],
    ids=lambda criteria: " ".join(criteria) if isinstance(criteria, dict) else None,
)
def test_a_search_reads_no_whole_region(plan: Plan, criteria: dict[str, str]) -> None:
    told = plan(criteria)
    assert "Index" in told
    assert "Seq Scan" not in told, told
