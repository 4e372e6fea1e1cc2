"""PostgreSQL rules out who contradicts too much as the decision of a whole region does."""

from contextlib import closing
from random import Random

import psycopg2
import pytest

from domain.matching.keys import may_contradict
from domain.matching.sketches import FIELDS, contradictions
from projections.identity_index.sketched import CONTRADICTIONS, MAY_BE_ONE

pytestmark = pytest.mark.live
SKETCHED = "unnest(%(ones)s::bigint[], %(others)s::bigint[], %(keys)s::bigint[]) WITH ORDINALITY AS one(a, b, k, place)"
ASKED = f"""
SELECT {CONTRADICTIONS}, {MAY_BE_ONE} FROM {SKETCHED}
CROSS JOIN LATERAL (SELECT a AS sketch) AS c CROSS JOIN LATERAL (SELECT b AS sketch, k AS key) AS asked ORDER BY place
"""
FEW = {"sex": [0, 1, 2], "year": [0, 1950, 1957, 1958, 1967, 1975], "month": [0, 1, 4, 12], "day": [0, 1, 4, 12]}


def drawn(random: Random) -> int:
    """Any sketch, of few values."""
    return sum(random.choice(FEW.get(name, [0, 1, 2])) << field.at for name, field in FIELDS.items())


def test_contradictions_are_counted_in_sql_as_in_python(installed_url: str) -> None:
    random = Random(14)
    ones, others = ([drawn(random) for _ in range(20_000)] for _ in range(2))
    keys = [random.randrange(-(2**63), 2**63) for _ in ones]
    with closing(psycopg2.connect(installed_url)) as connection, connection.cursor() as cursor:
        cursor.execute(ASKED, {"ones": ones, "others": others, "keys": keys})
        found = cursor.fetchall()
    counted = [contradictions(one, other) for one, other in zip(ones, others, strict=True)]
    assert found == [(count, count <= may_contradict(key)) for count, key in zip(counted, keys, strict=True)]
    assert {0, 1, 2, 3, 4} == {*counted}
