"""What a promotion would do: what readers would see otherwise, and which decisions would be raised. Nothing is written.

A region is decided as the promotion decides it. What people, policies and devices say until then counts as well, so the
promotion may raise less, or more.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from psycopg2.extensions import connection as Connection

from domain.rules.document import DOSE_ALERTS
from krypton.bootstrap import Krypton
from krypton.views import compare, promote
from krypton.views.alerts_due import persons_due
from krypton.views.raise_due import DOSES, IDENTITIES
from projections.declared import VIEWS
from projections.engine.declaration import Document, Tell
from projections.identity_index.decided import Due
from projections.versions import catalog, diff, switches


def preview(
    ours: Krypton, view: str, version: int, *, force: bool = False, tell: Tell = lambda *_: None
) -> dict[str, Any]:
    """The summary of ``views diff``, with the rules of both versions and the ``decisions``: how many, by kind and rule.

    ``unfinished``: switches that a crash cut short; what they left undone may be among the decisions. Raises as
    ``promote.check_promotable``.
    """
    promote.check_promotable(ours, view, version, force=force)
    found: list[Any] = []
    with ours.snapshot() as connection:
        pair = compare.with_live(ours, connection, view, version)
        summary = diff.summary(connection, pair, tell, found.append)
        former, rules = (catalog.rules_of(connection, view, one) or {} for one in (pair.live, version))
        decided: list[Document] = []
        if rules != former and (find_due := VIEWS[view].find_due()):
            due = found[0] if found else find_due(connection, pair.schemas[1], tell=tell)
            decided = [*COUNTS[view](due), *_judged(ours, connection, pair.schemas[1], rules)]
        unfinished = len(switches.unsettled(connection))
    told = {"former_rules": former, "rules": rules, "decisions": decided, "unfinished": unfinished}
    return {"written": False, **summary, **told}


def _pairs(found: Due) -> Iterable[Document]:
    """In the order in which they are raised. Of an unmerge, the rule that had merged the two."""
    kinds = {"unmerged": found.unmerges, "merged": found.merges, "proposed": found.proposals}
    counted = Counter((kind, one.rule, one.rule_version) for kind, decisions in kinds.items() for one in decisions)
    return [_decision(*what, count) for what, count in counted.items()]


def _alerts(found: Sequence[Document]) -> Iterable[Document]:
    counted = Counter(one["rule_version"] for one in found)
    return [_decision("alerts", DOSE_ALERTS, version, count) for version, count in sorted(counted.items())]


def _judged(ours: Krypton, connection: Connection, schema: str, rules: dict[str, int]) -> Iterable[Document]:
    """Persons whom the ledger looks at as it promotes, and mostly finds nothing due."""
    known = ours.ledger.rules().alerts_of(rules[DOSE_ALERTS]) if DOSE_ALERTS in rules else None
    count = len(persons_due(connection, schema, known)) if known else 0
    return [_decision("judged", DOSE_ALERTS, rules[DOSE_ALERTS], count)] if count else []


def _decision(decision: str, rule: str, version: int, count: int) -> Document:
    return {"decision": decision, "rule": rule, "rule_version": version, "count": count}


COUNTS: Final[dict[str, Callable[[Any], Iterable[Document]]]] = {IDENTITIES: _pairs, DOSES: _alerts}
"""How due decisions are counted, by view: of the views that declare ``due``."""
