"""Matching a region's newcomers under the rules that ship: in bulk, one by one, and at a steady rate.

Relay, worker, policy and ledger run as in production. People are generated (``bench.linkage.region``): 2.2 records
each, at twenty sites. The first of them are matched before anything is measured: all processes have begun by then. A
phase ends when the index has every link that its registrations lead to. CPU is the whole machine's, servers included. A
link's time is PostgreSQL's own commit time of the transaction that made it visible in the index; the registration's is
taken before it is asked. Both clocks are this machine's.
"""

import json
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, closing
from datetime import UTC, datetime
from math import log2
from pathlib import Path
from typing import Final

import psutil
import psycopg2

from bench.commands import BATCH, new_site
from bench.linkage.region import Local, region
from bench.region import processes
from domain.commands.identities import Register
from domain.commands.rules import PublishRules
from domain.commands.views import Promoted
from domain.errors import BadTraits, RuleBroken
from domain.rules.document import read_document
from domain.traits import traits
from domain.work import Envelope
from krypton.bootstrap import Krypton
from krypton.policies.settled import wait_for_all
from projections.versions import rebuild, versions

INDEX, VERSION = "identity_index", 2
RULES: Final = Path(__file__).parents[1] / "rules" / "matching-2.json"
FIRST: Final = 500
IDENTITIES: Final = 10_000
ONE_BY_ONE: Final = 2_000
STEADY_S, PER_S = 20.0, 50
SITES: Final = 20
RECORDS_A_PERSON: Final = 2.2
SETTLED_S: Final = 7_200.0
LEARNED_FROM: Final = 110_594
"""Identities that the rules that ship were learned from."""
LINKED = f"""SELECT n.identity_id::text, extract(epoch FROM pg_xact_commit_timestamp(n.xmin))::float
FROM {INDEX}_v{VERSION}.node n WHERE n.identity_id = ANY(%s::uuid[])"""


def run(ours: Krypton, identities: int = IDENTITIES) -> dict[str, float]:
    """Rates a second, milliseconds, CPU milliseconds a record. So many are imported into an empty ledger."""
    in_force(ours)
    steady = int(STEADY_S * PER_S)
    people, last = _people(ours, FIRST + identities + ONE_BY_ONE, steady)
    first, bulk, single = people[:FIRST], people[FIRST:-ONE_BY_ONE], people[-ONE_BY_ONE:]
    with running(ours):
        _in_bulk(ours, first)
        _settle(ours)
        figures = phase(ours, "in bulk", len(bulk), lambda: _in_bulk(ours, bulk))
        took: list[float] = []
        figures |= phase(ours, "one by one", len(single), lambda: took.extend(_one_by_one(ours, single)))
        figures["answered: p99 ms"] = _quantile(took, 0.99)
        asked = _steadily(ours, last)
        _settle(ours)
        seen = _linked(ours, asked)
    waits = [(seen[identity] - at) * 1000 for identity, at in asked.items() if identity in seen]
    return figures | {
        "identities before": len(people),
        "registrations/s": PER_S,
        "of these linked": len(waits) / len(asked),
        "link visible: p50 ms": _quantile(waits, 0.5),
        "link visible: p95 ms": _quantile(waits, 0.95),
        "link visible: p99 ms": _quantile(waits, 0.99),
        "link visible: max ms": max(waits),
    }


def running(ours: Krypton) -> AbstractContextManager[None]:
    """What matching takes, as processes."""
    return processes(ours, ("relay",), ("worker", INDEX), ("policies", "run", "matching"))


def less_likely(identities: int) -> float:
    """By how many bits any two are one person less likely in a region of so many than in the one learned from."""
    return max(0.0, log2(identities / LEARNED_FROM))


def in_force(ours: Krypton, less_likely: float = 0.0) -> None:
    """Publish the rules that ship and promote an index made with them, in an empty ledger. ``less_likely``: by so many
    bits any two are one person less likely than in the region that they were learned from.
    """
    told = json.loads(RULES.read_text())
    told["body"]["model"]["prior"] -= less_likely
    rules = read_document(json.dumps(told), as_json=True)
    ours.execute(PublishRules(document=rules), Envelope("system:bench"))
    chosen = {rules.id.kind: rules.id.version}
    projection = ours.projection_with(INDEX, chosen, VERSION)
    started = rebuild.begin(ours.addresses.database, projection, {})
    rebuild.finish(ours.addresses.database, projection, started)
    versions.promote(ours.addresses.database, INDEX, VERSION, "system:bench")
    promoted = Promoted(view=INDEX, version=VERSION, former=1, rules=chosen)
    ours.execute(promoted, Envelope("system:bench"))  # as krypton views promote does, which needs a relay


def _people(ours: Krypton, count: int, steady: int) -> tuple[list[Register], list[Register]]:
    """Registrations of so many records, spread over the sites; and of others, of whom no two are one person: a later
    link of the same person would hide when an earlier one became visible.
    """
    sites = [new_site(ours) for _ in range(SITES)]
    local = region(int((count + 3 * steady) / RECORDS_A_PERSON * 1.1) + 100)
    taken = [one for one in local if is_taken(one)]
    lasts = {one.owner: place for place, one in enumerate(taken[count:], count)}
    asked = [*range(count), *sorted(lasts.values())[:steady]]
    assert len(asked) == count + steady, "2.2 records a person are the mean"
    found = [_register(sites[place % SITES], place, taken[place]) for place in asked]
    return found[:count], found[count:]


def is_taken(one: Local) -> bool:
    """Whether the ledger takes its traits: a slip may be a sign that no typed name has."""
    try:
        traits(datetime.now(UTC), **one.traits)
    except BadTraits:
        return False
    return True


def _register(site: str, place: int, one: Local) -> Register:
    oid, _, number = (one.ins or "").partition("|")
    return Register(assigner=site, local_id=f"N{place}", stated=one.traits, ins=number or None, ins_oid=oid or None)


def phase(ours: Krypton, name: str, records: int, work: Callable[[], object]) -> dict[str, float]:
    """From the first registration until all of them are matched."""
    cpu, begin = _cpu_s(), time.perf_counter()
    work()
    registered = time.perf_counter() - begin
    _settle(ours)
    took = time.perf_counter() - begin
    return {
        f"{name}, registered/s": records / registered,
        f"{name}, matched/s": records / took,
        f"{name}: CPU ms a record": (_cpu_s() - cpu) / records * 1000,
    }


def _settle(ours: Krypton) -> None:
    wait_for_all(ours, SETTLED_S, policies=("matching",))  # no other one runs


def _cpu_s() -> float:
    used = psutil.cpu_times()
    return used.user + used.system + used.nice


def _in_bulk(ours: Krypton, people: Sequence[Register]) -> None:
    for first in range(0, len(people), BATCH):
        for answer in ours.ledger.execute_many([(one, Envelope()) for one in people[first : first + BATCH]]):
            if isinstance(answer, RuleBroken):
                raise answer


def _one_by_one(ours: Krypton, people: Sequence[Register]) -> Iterator[float]:
    """How long each answer took (ms)."""
    for one in people:
        begin = time.perf_counter()
        ours.execute(one, Envelope())
        yield (time.perf_counter() - begin) * 1000


def _steadily(ours: Krypton, people: Sequence[Register]) -> dict[str, float]:
    """When each identity was asked for (s since 1970), at a steady rate."""
    asked: dict[str, float] = {}
    begin = time.perf_counter()
    for number, one in enumerate(people):
        time.sleep(max(0.0, begin + number / PER_S - time.perf_counter()))  # a steady rate, not a wait
        at = time.time()
        asked[str(ours.execute(one, Envelope()).result["identity"])] = at
    return asked


def _linked(ours: Krypton, identities: Collection[str]) -> dict[str, float]:
    """When each became a link's side (s since 1970)."""
    with closing(psycopg2.connect(ours.addresses.database)) as connection, connection.cursor() as cursor:
        cursor.execute(LINKED, (list(identities),))
        return dict(cursor.fetchall())


def _quantile(values: Collection[float], part: float) -> float:
    return sorted(values)[int(len(values) * part)]
