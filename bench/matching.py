"""From a registration to its visible link, at 50 a second: relay, Kafka, the policy, the ledger and the index.

Matching rules are in force, and every registration agrees with an earlier one, so each is to be linked. A link's time
is PostgreSQL's own commit time of the transaction that made it visible in the index; the registration's is taken before
it is asked. Both clocks are this machine's.
"""

import statistics
import time
from collections.abc import Sequence
from contextlib import closing
from uuid import uuid4

import psycopg2

from bench.commands import new_site
from bench.region import processes
from domain.commands.identities import Register
from domain.commands.rules import PublishRules
from domain.commands.views import Promoted
from domain.rules.document import document
from domain.work import Envelope
from krypton.bootstrap import Krypton
from projections.versions import rebuild, versions

INDEX, VERSION = "identity_index", 2
KNOWN = 2_000  # people who were registered before
READY_S = 90.0
STRICT = ["family", "given", "birth_date", "sex", "birth_place"]
RULES = [
    {"name": "ins", "fields": ["ins", "family", "birth_date"], "action": "merge", "score": 1.0},
    {"name": "strict", "fields": STRICT, "action": "merge", "score": 0.95},
    {"name": "names", "fields": ["family", "given", "birth_date"], "action": "propose", "score": 0.8},
]
LINKED = f"""SELECT n.identity_id::text, extract(epoch FROM pg_xact_commit_timestamp(n.xmin))::float
FROM {INDEX}_v{VERSION}.node n WHERE n.identity_id = ANY(%s::uuid[])"""


def run(ours: Krypton, seconds: float = 20.0, per_second: int = 50) -> dict[str, float]:
    """Milliseconds, in an empty ledger."""
    in_force(ours)
    site = new_site(ours)
    with processes(ours, ("relay",), ("worker", INDEX), ("policies", "run", "matching")):
        for number in range(KNOWN):
            ours.execute(_person(site, number), Envelope())
        first = ours.execute(_person(site, 0), Envelope())
        _linked(ours, [str(first.result["identity"])], READY_S)  # all of them run by now
        asked: dict[str, float] = {}
        begin = time.perf_counter()
        for number in range(int(seconds * per_second)):
            time.sleep(max(0.0, begin + number / per_second - time.perf_counter()))  # a steady rate, not a wait
            at = time.time()
            answer = ours.execute(_person(site, 1 + number % (KNOWN - 1)), Envelope())
            asked[str(answer.result["identity"])] = at
        seen = _linked(ours, list(asked), READY_S)
    waits = sorted((seen[identity] - at) * 1000 for identity, at in asked.items())
    return {
        "registrations/s": per_second,
        "link visible: p50 ms": statistics.median(waits),
        "link visible: p95 ms": waits[int(len(waits) * 0.95)],
        "link visible: p99 ms": waits[int(len(waits) * 0.99)],
        "link visible: max ms": waits[-1],
    }


def _person(site: str, number: int) -> Register:
    born = f"19{number % 80 + 10}-{number % 12 + 1:02}-{number % 28 + 1:02}"
    family = "FICTIVE " + "".join(chr(ord("A") + int(digit)) for digit in str(number))
    stated = {"family": family, "given": "Alex", "birth_date": born, "sex": "F", "birth_place": "33063"}
    return Register(assigner=site, local_id=uuid4().hex, stated=stated)


def in_force(ours: Krypton) -> None:
    """Publish the rules and promote an index made with them, in an empty ledger."""
    told = {"kind": "matching", "version": 1, "in_force_from": "2020-01-01", "body": {"rules": RULES}}
    ours.execute(PublishRules(document=document(told)), Envelope("system:bench"))
    projection = ours.projection_with(INDEX, {"matching": 1}, VERSION)
    started = rebuild.begin(ours.addresses.database, projection, {})
    rebuild.finish(ours.addresses.database, projection, started)
    versions.promote(ours.addresses.database, INDEX, VERSION, "system:bench")
    promoted = Promoted(view=INDEX, version=VERSION, former=1, rules={"matching": 1})
    ours.execute(promoted, Envelope("system:bench"))  # as krypton views promote does, which needs a relay


def _linked(ours: Krypton, identities: Sequence[str], timeout_s: float) -> dict[str, float]:
    deadline = time.monotonic() + timeout_s
    with closing(psycopg2.connect(ours.addresses.database)) as connection:
        connection.autocommit = True
        while time.monotonic() < deadline:
            with connection.cursor() as cursor:
                cursor.execute(LINKED, (list(identities),))
                if len(found := dict(cursor.fetchall())) == len(identities):
                    return found
            time.sleep(0.2)
    raise TimeoutError(f"not all of {len(identities)} registrations were linked after {timeout_s:.0f} s")
