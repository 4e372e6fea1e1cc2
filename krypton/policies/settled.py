"""Reports the progress of policies, and waits until they have handled everything in the ledger."""

import time
from collections.abc import Callable, Collection, Mapping
from typing import Any

from adapters.outbox import operators
from domain.errors import NotFound
from domain.times import iso, micros
from krypton.bootstrap import Krypton
from krypton.left import Left
from krypton.policies.fold import PREFIX, PolicyFold
from krypton.views import lag
from policies.all import POLICIES
from projections.engine import positions
from projections.engine.positions import Partition, Position
from projections.versions import catalog

CLOCKS_US = 60_000_000  # by how much the clocks of two machines may differ
MOST_PER_S = 5_000  # entries that no policy settles in a second: who waits for many looks again as much later


def known_policy(name: str) -> None:
    """Raises NotFound."""
    if name not in POLICIES:
        raise NotFound(f"no policy {name}: there are {', '.join(POLICIES)}")


def status(ours: Krypton) -> list[dict[str, Any]]:
    """The ``policies status`` document: how far each policy is, and how many entries wait, are parked or done."""
    ends = lag.end_offsets(ours, _topics())
    with ours.snapshot() as connection:
        counted = operators.counts(connection, micros(ours.ledger.clock()))
        letters = catalog.dead_letters(connection)
        return [
            _shown(name, _read(connection, name), ends)
            | {"dead_letters": letters.get((f"{PREFIX}{name}", PolicyFold.version), 0)}
            | _counted(counted.get(name, {}))
            for name in POLICIES
        ]


def parked(ours: Krypton, policy: str | None) -> list[dict[str, Any]]:
    """Parked entries, of one policy or of all. Raises NotFound."""
    if policy is not None:
        known_policy(policy)
    with ours.snapshot() as connection:
        return [{**row, "due_at": iso(row["due_at"])} for row in operators.parked(connection, policy)]


def given_up(parked: Mapping[str, int]) -> str:
    """What to do about parked entries, by policy."""
    told = ", ".join(f"{name} ({n})" for name, n in parked.items())
    return f"not all is done: {told} given up: krypton policies parked says why; fix it, then policies retry, or drop"


def wait_for_all(
    ours: Krypton,
    timeout_s: float,
    reach: Callable[[int, int], None] = lambda *_: None,
    policies: Collection[str] = tuple(POLICIES),
) -> dict[str, int]:
    """Return when the views have all that the ledger holds now, and all that these policies do about it.

    What policies write leads to more, which is waited for too; timers that are not due, and what is parked, are not:
    returns how many entries are parked, by policy. ``reach``: see ``wait_for_views``. Raises ServiceUnavailable, naming
    who lags, and in the end also who had to leave records out.
    """
    deadline = time.monotonic() + timeout_s
    head = ours.ledger.recorder.max_notification_id() or 0
    since = micros(ours.ledger.clock()) - CLOCKS_US
    caused: set[int] = set()
    while True:
        lag.wait_until_read(ours, deadline - time.monotonic(), reach)
        _wait_for_policies(ours, policies, head, caused, deadline, Left(reach))
        with ours.snapshot() as connection:
            wrote = operators.wrote(connection, since, head, caused)
            parked = operators.left_over(connection)
        if wrote <= caused:
            lag.check_following(ours)
            return parked
        caused = wrote | caused


def _wait_for_policies(
    ours: Krypton, policies: Collection[str], head: int, caused: set[int], deadline: float, left: Left
) -> None:
    ends = lag.end_offsets(ours, _topics())
    late: dict[str, int] = {}
    due: dict[str, int] = {}

    def settled(looks: Krypton) -> bool:
        late.clear()
        due.clear()
        with looks.snapshot() as connection:
            behind = {name: _behind(name, _read(connection, name), ends) for name in policies}
            late.update({name: n for name, n in behind.items() if n})
            due.update(operators.unsettled(connection, micros(ours.ledger.clock()), head, caused))
        left.tell({name: behind[name] + due.get(name, 0) for name in policies})
        return not late and not due

    def named() -> str:
        waits = [f"policy {name} ({n} behind)" for name, n in late.items()]
        waits += [f"policy {name} ({n} to do)" for name, n in due.items()]
        return f"timed out: not settled: {', '.join(waits)}; is krypton run running?"

    def look_again_s() -> float:
        return max(lag.LOOK_MOST_S, sum(due.values()) / MOST_PER_S)

    with ours.looking() as looks:
        lag.until(lambda: settled(looks), deadline, named, look_again_s)


def _topics() -> set[str]:
    return {topic for policy in POLICIES.values() for topic in policy.topics}


def _read(connection: Any, name: str) -> dict[Partition, Position]:
    with connection.cursor() as cursor:
        return positions.read(cursor, f"{PREFIX}{name}", PolicyFold.version)


def _behind(name: str, read: Mapping[Partition, Position], ends: lag.Ends) -> int:
    topics = POLICIES[name].topics
    left = (end - (read[p].next if p in read else 0) for p, end in ends.items() if p[0] in topics)
    return sum(max(0, one) for one in left)


def _shown(name: str, read: Mapping[Partition, Position], ends: lag.Ends) -> dict[str, Any]:
    return {
        "policy": name,
        "version": POLICIES[name].version,
        "position": max((at.ledger for at in read.values()), default=0),
        "lag": _behind(name, read, ends),
    }


def _counted(counts: Mapping[str, Any]) -> dict[str, Any]:
    numbers = {name: counts.get(name, 0) for name in ("waiting", "due", "retrying", "parked", "refused", "done")}
    return numbers | {"due_since": iso(counts.get("due_since")), "last_error": counts.get("last_error")}
