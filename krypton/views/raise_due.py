"""Raises decisions that became due when a view's rules changed; each names the rule version behind it.

The due decisions are queried from the live tables: what the rules call for and nobody has decided. Human decisions
stand: the queries leave those pairs out, and if a human decided meanwhile the ledger refuses the command, which is
counted and is no error. Each command id is derived from the rules, the subject and its latest statement, so raising the
same decision again, after a crash or before the view has caught up, writes nothing. A rebuild never raises decisions.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from psycopg2.extensions import connection as Connection

from domain.commands.doses import JudgeDose, JudgePerson
from domain.errors import NotFound, RuleBroken
from domain.ports import Answer
from domain.rules.document import DOSE_ALERTS, MATCHING, RuleId
from domain.work import Command, Envelope
from krypton.bootstrap import Krypton
from krypton.views.alerts_due import persons_due
from krypton.views.matches import bodies
from policies.commands import build
from projections.declared import VIEWS
from projections.engine.declaration import Tell
from projections.identity_index.decided import Decision, Due

DECISIONS = UUID("5d0c2f0e-7a6b-5c1d-9b57-0e3c8f1d4a26")  # namespace of command ids: stored state, never change it
ACTOR = "system:rules"
DOSES = "cumulative_dose"
BATCH = 200
SAID = {"unmerge": "unmerged", "merge": "merged", "propose": "proposed"}
Counts = dict[str, int]


class Asked(NamedTuple):
    """One decision to raise. ``what``: merged, proposed, unmerged or alerts; ``subject``: the pair or report, and its
    latest statement. ``may_be_due``: the ledger looks, and most often there is nothing to raise.
    """

    what: str
    subject: str
    command: Command
    may_be_due: bool = False


def raise_due(ours: Krypton, view: str, version: int, cause: UUID, tell: Tell = lambda *_: None) -> Counts:
    """Raise what is due under the rules of a live version; returns how many, by kind.

    ``cause``: correlation id of all. ``tell`` is told how far it is. ``stand``: how many were refused because
    somebody decided meanwhile. Raises ServiceUnavailable, Contended; decisions raised before
    stay.
    """
    if (find_due := VIEWS[view].find_due()) is None:
        return {}
    with ours.snapshot() as connection:
        found = find_due(connection, f"{view}_v{version}", tell=tell)
        asked = [*COMMANDS[view](found), *(_persons(ours, connection, version, cause) if view == DOSES else ())]
    counts, done = Counts(), 0
    for batch in _batches(asked):
        answers = ours.ledger.execute_many([(one.command, _envelope(one, cause)) for one in batch])
        for one, answer in zip(batch, answers, strict=True):
            what = "stand" if isinstance(answer, RuleBroken | NotFound) else one.what
            if not one.may_be_due or (isinstance(answer, Answer) and answer.positions):
                counts[what] = counts.get(what, 0) + 1
        done += len(batch)
        tell("decisions raised", done, len(asked))
    return counts


def _envelope(one: Asked, cause: UUID) -> Envelope:
    return Envelope(ACTOR, uuid5(DECISIONS, f"{one.what}|{one.subject}"), cause)


def _batches(asked: Iterable[Asked]) -> Iterator[list[Asked]]:
    left = iter(asked)
    while batch := list(islice(left, BATCH)):
        yield batch


def _matches(found: Due) -> Iterator[Asked]:
    rules = RuleId(MATCHING, found.rule_version)
    for does, one, body in bodies(found):
        yield Asked(SAID[does], _subject(rules, one), build(does, body))


def _subject(rules: RuleId, one: Decision) -> str:
    low, high = sorted((one.one, one.other))
    return f"{rules}|{low}|{high}|{one.position}"


def _alerts(found: Sequence[dict[str, Any]]) -> Iterator[Asked]:
    for one in found:
        subject = f"{RuleId(DOSE_ALERTS, one['rule_version'])}|{one['study_id']}|{','.join(one['quantities'])}"
        yield Asked("alerts", subject, JudgeDose(study=UUID(one["study_id"])))


def _persons(ours: Krypton, connection: Connection, version: int, cause: UUID) -> Iterator[Asked]:
    rules = ours.ledger.rules().alerts
    for identity in persons_due(connection, f"{DOSES}_v{version}", rules):
        subject = f"{RuleId(DOSE_ALERTS, rules.version)}|{identity}|{cause}"
        yield Asked("alerts", subject, JudgePerson(identity=UUID(identity), why="corrected"), may_be_due=True)


COMMANDS: dict[str, Callable[[Any], Iterable[Asked]]] = {"identity_index": _matches, DOSES: _alerts}
"""What turns due decisions into commands, by view: of the views that declare ``due``."""
