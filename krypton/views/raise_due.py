"""Raises decisions that became due when a view's rules changed; each names the rule version behind it.

What is due is what the diff before the promotion found (``foreseen``); else it is queried from the live tables: what
the rules call for and nobody has decided. Human decisions stand: the queries leave those pairs out, and if a human
decided meanwhile the ledger refuses the command, which is counted and is no error. Each command id is derived from the
rules, the subject and its latest statement (of doses: the promotion that raises them), so raising the same decision
again, after a crash or before the view has caught up, writes nothing. Who changed since it was found is matched again
(``again``). A rebuild never raises decisions.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from domain.commands.doses import JudgeDose, JudgePerson
from domain.commands.links import Merge
from domain.errors import NotFound, RuleBroken
from domain.ports import Answer
from domain.rules.document import DOSE_ALERTS, MATCHING, RuleId
from domain.work import Command, Envelope
from krypton.bootstrap import Krypton
from krypton.views.again import look_again
from krypton.views.alerts_due import persons_due
from krypton.views.foreseen import Foreseen
from krypton.views.matches import bodies
from policies.commands import build
from policies.matching import Matching
from projections.declared import VIEWS
from projections.engine.declaration import Tell
from projections.identity_index.decided import Decision, Due

DECISIONS = UUID("5d0c2f0e-7a6b-5c1d-9b57-0e3c8f1d4a26")  # namespace of command ids: stored state, never change it
ACTOR = "system:rules"
IDENTITIES, DOSES = "identity_index", "cumulative_dose"
BATCH = 200
SAID = {"unmerge": "unmerged", "merge": "merged", "propose": "proposed"}
MATCHES = Matching()
Counts = dict[str, int]


class Asked(NamedTuple):
    """One decision to raise. ``what``: merged, proposed, unmerged or alerts; ``subject``: the pair or report, and its
    latest statement. ``may_be_due``: the ledger looks, and most often there is nothing to raise.
    """

    what: str
    subject: str
    command: Command
    may_be_due: bool = False


def raise_due(
    ours: Krypton,
    view: str,
    version: int,
    cause: UUID,
    tell: Tell = lambda *_: None,
    *,
    upto: int,
    foreseen: Foreseen | None = None,
) -> Counts:
    """Raise what is due under the rules of a live version, as ``foreseen``, or else as it is found now; returns how
    many, by kind.

    ``cause``: correlation id of all. ``tell`` is told how far it is. ``upto``: the ledger position up to which the
    version has read all. ``stand``: how many were refused because somebody decided meanwhile; ``again``: how many
    identities changed meanwhile, and are matched again. Raises ServiceUnavailable, Contended; decisions raised before
    stay.
    """
    if (find_due := VIEWS[view].find_due()) is None:
        return {}
    if foreseen is None:
        with ours.snapshot() as connection:
            foreseen = Foreseen(view, version, upto, find_due(connection, f"{view}_v{version}", tell=tell))
    others = _persons(ours, version, cause) if view == DOSES else []
    raised = _Raised(ours, cause)
    total = len(foreseen.found) + len(others)
    for batch in _batches(chain(COMMANDS[view](foreseen.found, cause), others)):
        raised.ask(batch)
        tell("decisions raised", raised.done, total)
    if view == IDENTITIES and (again := look_again(ours, foreseen.upto, cause, raised.doubted)):
        raised.counts["again"] = again
    return raised.counts


class _Raised:
    """What became of decisions so far. ``doubted``: identities of merges that were not due any more."""

    def __init__(self, ours: Krypton, cause: UUID) -> None:
        self._ours, self._cause = ours, cause
        self.counts, self.done, self.doubted = Counts(), 0, set[str]()

    def ask(self, batch: Sequence[Asked]) -> None:
        """Raise these, in their order."""
        answers = self._ours.ledger.execute_many([(one.command, _envelope(one, self._cause)) for one in batch])
        for one, answer in zip(batch, answers, strict=True):
            what = _became(one, answer)
            if not one.may_be_due or (isinstance(answer, Answer) and answer.positions):
                self.counts[what] = self.counts.get(what, 0) + 1
            if isinstance(answer, RuleBroken) and isinstance(one.command, Merge):
                sides = {"one": str(one.command.one), "other": str(one.command.other)}
                self.doubted.update(due.body["identity"] for due in MATCHES.refused("merge", sides, answer))
        self.done += len(batch)


def _became(one: Asked, answer: Answer | RuleBroken | NotFound) -> str:
    """What to count it as; a merge that the ledger put to a human, for somebody decided meanwhile, is a proposal."""
    if not isinstance(answer, Answer):
        return "stand"
    return "proposed" if answer.result.get("outcome") == "review" else one.what


def _envelope(one: Asked, cause: UUID) -> Envelope:
    return Envelope(ACTOR, uuid5(DECISIONS, f"{one.what}|{one.subject}"), cause)


def _batches(asked: Iterable[Asked]) -> Iterator[list[Asked]]:
    left = iter(asked)
    while batch := list(islice(left, BATCH)):
        yield batch


def _matches(found: Due, _: UUID) -> Iterator[Asked]:
    rules = RuleId(MATCHING, found.rule_version)
    for does, one, body in bodies(found):
        yield Asked(SAID[does], _subject(rules, one), build(does, body))


def _subject(rules: RuleId, one: Decision) -> str:
    low, high = sorted((one.one, one.other))
    return f"{rules}|{low}|{high}|{one.position}"


def _alerts(found: Sequence[dict[str, Any]], cause: UUID) -> Iterator[Asked]:
    for one in found:
        about = f"{one['study_id']}|{','.join(one['quantities'])}"
        subject = f"{RuleId(DOSE_ALERTS, one['rule_version'])}|{about}|{cause}"  # another report may have come since
        yield Asked("alerts", subject, JudgeDose(study=UUID(one["study_id"])), may_be_due=True)


def _persons(ours: Krypton, version: int, cause: UUID) -> list[Asked]:
    rules = ours.ledger.rules().alerts
    with ours.snapshot() as connection:
        found = persons_due(connection, f"{DOSES}_v{version}", rules)
    return [_person(RuleId(DOSE_ALERTS, rules.version), identity, cause) for identity in found]


def _person(rules: RuleId, identity: str, cause: UUID) -> Asked:
    judge = JudgePerson(identity=UUID(identity), why="corrected")
    return Asked("alerts", f"{rules}|{identity}|{cause}", judge, may_be_due=True)


COMMANDS: dict[str, Callable[[Any, UUID], Iterable[Asked]]] = {IDENTITIES: _matches, DOSES: _alerts}
"""What turns due decisions into commands, by view: of the views that declare ``due``."""
