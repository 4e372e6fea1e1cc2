"""Commands on pairs of identities: merge, propose, unmerge, bar, lift a bar, dismiss.

A rule's commands are held to what the ledger knows when they are stored: ``domain.commands.evidence``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from domain.aggregates.link import Link
from domain.commands.evidence import agreeing, refuse_erased, refuse_held
from domain.commands.joining import giving_way, refuse_joined, still_joined
from domain.commands.pairs import differing, ids_among, in_review, link_of, links_across, links_between
from domain.errors import EvidenceGone, NothingToChange, OnePersonAlready
from domain.held import HUMAN, Held
from domain.ids import Ids
from domain.rules.matching import MERGE
from domain.work import Work


def look_up(work: Work, commands: "Sequence[Merge | Propose]") -> None:
    """What rules' commands ask for: persons, what was said of these, and where the sides were registered."""
    asked = [(each.one, each.other) for each in commands if each.rule != HUMAN]
    sides = {side for pair in asked for side in pair}
    work.locate(sides)
    work.membership.load(map(str, sides))
    work.fetch(ids_among(work, asked))


@dataclass(frozen=True, kw_only=True)
class Merge:
    """Merge two local identities into one person.

    ``compared``: the fields the decision is based on; ``even_though``: of sex and birth_date, those in which a human
    knows that the two differ.
    """

    one: UUID
    other: UUID
    reason: str
    rule: str = HUMAN
    rule_version: int = 0
    score: float | None = None
    compared: list[str] = field(default_factory=list)
    even_though: tuple[str, ...] = ()

    def touches(self, ids: Ids) -> tuple[UUID, ...]:
        """The pair's link, and both identities."""
        return Link.create_id(ids, *sorted((self.one, self.other))), self.one, self.other

    look_up = staticmethod(look_up)

    def decide(self, work: Work) -> dict[str, Any]:
        """Merge. Where there is a bar with a third record, rules' merges give way to a human's; it is held back where
        merges by humans stand against it, until the bar is lifted. A rule's waits for review (L3), and so does one
        where a human set another pair of the two persons apart (L5).

        Raises SameIdentity (L1), NothingToChange (L2), PairBarred (L3), HumanMadeIt (L5), TraitsDiffer (L6), NotFound,
        Erased (I7); of a rule also EvidenceGone (L7), RuleNotInForce (L8).
        """
        link = link_of(work, self.one, self.other)
        refuse_erased(work, self.one, self.other)  # nobody can tell any more who it was
        told = self._by_human(work, link) if self.rule == HUMAN else self._by_rule(work, link)
        return {"link": str(link.id), **told}

    def _by_human(self, work: Work, link: Link) -> dict[str, Any]:
        differ = [] if link.decided_by_human else differing(work, self.one, self.other, self.even_though)
        sides = str(self.one), str(self.other)
        bar = None if link.held is Held.BARRED else work.membership.bar_before_humans(*sides)
        if bar and link.decided_by_human:
            raise _held_back(link, bar)
        link.merge(**self._evidence(), differing=differ)
        if bar:
            return {"outcome": "held_back", "barred": list(bar)}
        return {"outcome": "merged", **giving_way(work, self.one, self.other)}

    def _by_rule(self, work: Work, link: Link) -> dict[str, Any]:
        parted = self._parted(work, link)
        bar = None if link.held is Held.BARRED else work.membership.bar_between(str(self.one), str(self.other))
        if bar and link.held is Held.MERGED:
            raise _held_back(link, bar)
        if bar or parted:
            link.request_review(**self._evidence())
            return {"outcome": "review"} | ({"barred": list(bar)} if bar else {"parted": [*map(str, parted or ())]})
        link.merge(**self._evidence())
        return {"outcome": "merged"}

    def _evidence(self) -> dict[str, Any]:
        names = ("reason", "rule", "rule_version", "score", "compared")
        return {name: getattr(self, name) for name in names}

    def _parted(self, work: Work, link: Link) -> tuple[UUID, UUID] | None:
        """Another pair that a human set apart, of the two persons or of whom bars hold back from them by now; the
        rule's word on this one holds.
        """
        if agreeing(work, self.one, self.other, self.rule, self.rule_version) != MERGE:
            raise EvidenceGone(f"{self.rule} proposes, and merges nobody: nothing to do")
        links = links_across(work, self.one, self.other)
        found = next((known for known in links if known.parted_by_human and known is not link), None)
        return (found.pair["low"], found.pair["high"]) if found else None


def _held_back(link: Link, bar: tuple[str, str]) -> NothingToChange:
    return NothingToChange(
        f"link {link.id} is merged, and held back by the bar of {bar[0]} and {bar[1]}: lift that, or unmerge it"
    )


@dataclass(frozen=True, kw_only=True)
class Propose:
    """Propose a pair to a human, on behalf of a rule."""

    one: UUID
    other: UUID
    reason: str
    rule: str
    rule_version: int
    score: float | None
    compared: list[str]

    def touches(self, ids: Ids) -> tuple[UUID, ...]:
        """The pair's link, and both identities."""
        return Link.create_id(ids, *sorted((self.one, self.other))), self.one, self.other

    look_up = staticmethod(look_up)

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises NothingToChange (L2), HumanMadeIt (L5): a human has already decided, or is asked already; EvidenceGone
        (L7), RuleNotInForce (L8), Erased (I7).
        """
        link = link_of(work, self.one, self.other)
        if link.held is Held.MERGED:
            raise OnePersonAlready(f"link {link.id} is merged already: nothing to propose")
        if link.held is not Held.OPEN:
            raise NothingToChange(f"link {link.id} is decided already: nothing to propose")
        agreeing(work, self.one, self.other, self.rule, self.rule_version)
        links = links_between(work, self.one, self.other)
        if in_review(work, (known for known in links if known is not link)):
            raise NothingToChange(f"a pair of the two persons waits in review already: link {link.id} is not needed")
        link.request_review(
            reason=self.reason,
            rule=self.rule,
            rule_version=self.rule_version,
            score=self.score,
            compared=self.compared,
        )
        return {"link": str(link.id), "outcome": "proposed"}


@dataclass(frozen=True, kw_only=True)
class Unmerge:
    """Undo the merge of a pair. ``rule_version`` of the rules that call for it; 0 for a human."""

    one: UUID
    other: UUID
    reason: str
    rule: str = HUMAN
    rule_version: int = 0

    def touches(self, ids: Ids) -> tuple[UUID, ...]:
        """The pair's link, and both identities."""
        return Link.create_id(ids, *sorted((self.one, self.other))), self.one, self.other

    def decide(self, work: Work) -> dict[str, Any]:
        """Answers with the pairs that hold the two one person all the same, if there are any.

        Raises NothingToChange (L2), HumanMadeIt (L5), of a human JoinedByOthers (L9); of rules also EvidenceGone (L7),
        RuleNotInForce (L8), Erased (I7).
        """
        link = link_of(work, self.one, self.other)
        if self.rule != HUMAN:
            refuse_held(work, self.one, self.other, self.rule_version)
        elif link.held is not Held.MERGED:
            refuse_joined(work, self.one, self.other)
        others = still_joined(work, link) if self.rule == HUMAN else {}
        link.unmerge(reason=self.reason, rule=self.rule, rule_version=self.rule_version)
        return {"link": str(link.id), "outcome": "unmerged", **others}


@dataclass(frozen=True, kw_only=True)
class Bar:
    """Bar two identities from ever being merged."""

    one: UUID
    other: UUID
    reason: str

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises StillMerged (L4), NothingToChange (L2)."""
        link = link_of(work, self.one, self.other)
        link.bar(reason=self.reason)
        return {"link": str(link.id), "outcome": "barred"}


@dataclass(frozen=True, kw_only=True)
class Unbar:
    """Lift the bar of a pair."""

    one: UUID
    other: UUID
    reason: str

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises NothingToChange (L2)."""
        link = link_of(work, self.one, self.other)
        link.unbar(reason=self.reason)
        return {"link": str(link.id), "outcome": "unbarred"}


@dataclass(frozen=True, kw_only=True)
class Dismiss:
    """Remove from the worklist what waits there: a proposal, or a merge that is held back, which is undone."""

    one: UUID
    other: UUID
    reason: str

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises NothingToChange (L2), JoinedByOthers (L9)."""
        link = link_of(work, self.one, self.other)
        if link.held is Held.MERGED and work.membership.bar_between(str(self.one), str(self.other)):
            link.unmerge(reason=self.reason)
            return {"link": str(link.id), "outcome": "unmerged"}
        if link.held is Held.OPEN:
            refuse_joined(work, self.one, self.other)
        link.dismiss(reason=self.reason)
        return {"link": str(link.id), "outcome": "dismissed"}
