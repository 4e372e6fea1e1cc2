"""What an establishment's own system announces of two numbers: that they are one person's, or are not.

It says so of the numbers that it gave out itself, and of no others. ``content``: as in ``announced``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from domain.aggregates.identity import Identity
from domain.aggregates.link import Link
from domain.commands.announced import IN_DOUBT, AnnouncedPatient, AnnouncePatient
from domain.commands.bearers import bearer, of_number, refuse_stranger
from domain.commands.evidence import agreeing
from domain.commands.links import Merge, Unmerge
from domain.commands.pairs import link_of
from domain.errors import EvidenceGone, NothingToChange, RuleNotInForce, SameIdentity
from domain.held import HUMAN, Held
from domain.identity_flags import NUMBER_SWAPPED
from domain.ids import Ids
from domain.matching.tier import Tier
from domain.rules.document import MATCHING
from domain.same_number import can_be_one_person, names_agree
from domain.traits import received_traits
from domain.unlike import unlike
from domain.work import Work

FOR_A_HUMAN = ("review", "swapped")
"""Outcomes of a merge that is not made as announced."""


@dataclass(frozen=True, kw_only=True)
class AnnounceKept:
    """Register who bears the numbers that ``AnnounceMerge`` is to keep, where nobody does: all of them, or none. It
    goes first, for a merge names where both were registered. ``kept``, ``gone``: of each pair.
    """

    site: str
    kept: tuple[AnnouncedPatient, ...]
    gone: tuple[str, ...]
    content: str

    def touches(self, ids: Ids) -> tuple[UUID, ...]:
        """Who bears the numbers first and second, as ``AnnouncePatient`` says."""
        numbers = *(one.local_id for one in self.kept), *self.gone
        return tuple(Identity.create_id(ids, self.site, one, ordinal) for one in numbers for ordinal in (1, 2))

    def decide(self, work: Work) -> dict[str, Any]:
        """As ``AnnouncePatient``, and refuses what the merges are refused for: SameIdentity (L1), PairBarred (L3)."""
        refuse_stranger(work, self.site)
        for one, other in zip(self.kept, self.gone, strict=True):
            self._refuse_merge(work, one.local_id, other)
        new = (one for one in self.kept if one.local_id not in self.gone)
        outcomes = [self._registered(work, one) for one in new]
        return {"outcome": IN_DOUBT if IN_DOUBT in outcomes else "registered", "content": self.content}

    def _registered(self, work: Work, one: AnnouncedPatient) -> str:
        said = AnnouncePatient(site=self.site, patient=one, content=self.content, only_new=True, beside=self.gone)
        return str(said.decide(work)["outcome"])

    def _refuse_merge(self, work: Work, kept: str, gone: str) -> None:
        if kept == gone:
            raise SameIdentity("a number is to be kept, and given up for itself: name two")
        bearers = (of_number(work, self.site, number) for number in (kept, gone))
        one, other = (next((each for each in all_of if not each.is_closed), None) for all_of in bearers)
        if one and other and (link := work.find(Link, Link.create_id(work.ids, *sorted((one.id, other.id))))):
            link.refuse_if_barred()


@dataclass(frozen=True, kw_only=True)
class AnnounceMerge:
    """The establishment keeps one of two numbers for a person, and gives up the other. ``pairs``: kept, given up;
    ``stated``: of whom it says each time that they bear the number that is kept, where it says it.
    """

    site: str
    pairs: tuple[tuple[str, str], ...]
    content: str
    stated: tuple[Mapping[str, str | None], ...] = ()

    def decide(self, work: Work) -> dict[str, Any]:
        """Merge each pair; where sex or birth date differ, a bar stands between, or somebody else is said to bear the
        number, leave it to a human, and where the other of the two numbers was kept before (I13). What a rule merged
        and none would merge any more is taken back then.

        Raises UnknownSite (S1), NotFound, AlreadyRegistered (I2), SameIdentity (L1), PairBarred (L3).
        """
        refuse_stranger(work, self.site)
        each = zip(self.pairs, self.stated or [{}] * len(self.pairs), strict=True)
        found = [self._merged(work, kept, gone, stated) for (kept, gone), stated in each]
        return {"outcome": next((one for one in FOR_A_HUMAN if one in found), "merged"), "content": self.content}

    def _merged(self, work: Work, kept: str, gone: str, stated: Mapping[str, str | None]) -> str:
        stays, goes = bearer(work, self.site, kept), bearer(work, self.site, gone)
        link = link_of(work, stays.id, goes.id)
        if link.held is Held.MERGED and link.merged_because == _given_up(stays, goes):
            if NUMBER_SWAPPED not in goes.flags:
                goes.flag(flag=NUMBER_SWAPPED, reason=_given_up(goes, stays))
            return "swapped"
        return _joined(work, link, stays, goes, _given_up(goes, stays), known=_may_be(work, stays, stated))


@dataclass(frozen=True, kw_only=True)
class AnnounceLink:
    """Two numbers of the establishment are one person's, and both are kept. ``stated``: of whom it says that they bear
    the one, and the other, where it says it.
    """

    site: str
    one: str
    other: str
    content: str
    stated: tuple[Mapping[str, str | None], ...] = ()

    def decide(self, work: Work) -> dict[str, Any]:
        """As ``AnnounceMerge``. Raises UnknownSite (S1), NotFound, AlreadyRegistered (I2), SameIdentity (L1),
        PairBarred (L3).
        """
        refuse_stranger(work, self.site)
        one, other = bearer(work, self.site, self.one), bearer(work, self.site, self.other)
        link = link_of(work, one.id, other.id)
        reason = "the establishment says that both numbers are one person's"
        known = all(_may_be(work, *each) for each in zip((one, other), self.stated or [{}] * 2, strict=True))
        return {"outcome": _joined(work, link, one, other, reason, known=known), "content": self.content}


@dataclass(frozen=True, kw_only=True)
class AnnounceUnlink:
    """Two numbers of the establishment are not one person's."""

    site: str
    one: str
    other: str
    content: str

    def decide(self, work: Work) -> dict[str, Any]:
        """Undo their merge, or dismiss what waits; other links may hold the two one person all the same.

        Raises UnknownSite (S1), NotFound, AlreadyRegistered (I2), SameIdentity (L1), NothingToChange (L2): only other
        links hold the two.
        """
        refuse_stranger(work, self.site)
        one, other = bearer(work, self.site, self.one), bearer(work, self.site, self.other)
        link = link_of(work, one.id, other.id)
        reason = "the establishment says that they are two people"
        if link.held is Held.MERGED:
            done = Unmerge(one=one.id, other=other.id, reason=reason).decide(work)
            outcome = "still_joined" if "still_joined_by" in done else "unmerged"
            return {"outcome": outcome, "content": self.content}
        if str(other.id) in work.membership.person_of(str(one.id)):
            raise NothingToChange(
                f"{one.id} and {other.id} are one person by links of other pairs: undo those, krypton identity show "
                "--links names them"
            )
        if link.held is Held.OPEN and not link.parted_by_human:
            link.dismiss(reason=reason)
        return {"outcome": "apart", "content": self.content}


def _given_up(goes: Identity, stays: Identity) -> str:
    """Why two were merged; it tells which was kept, so that the other way round is seen."""
    return f"the establishment gave up the number of {goes.id} for that of {stays.id}"


def _may_be(work: Work, bearer: Identity, stated: Mapping[str, str | None]) -> bool:
    """Whether what is stated can be of who bears the number: another birth date under the same names corrects it."""
    told = received_traits(work.now, **stated)
    return can_be_one_person(bearer.traits, told) or names_agree(bearer.traits, told)


def _joined(work: Work, link: Link, one: Identity, other: Identity, reason: str, *, known: bool = True) -> str:
    """``known``: both are who the establishment says they are."""
    doubtful = not known or bool(unlike(one.traits, other.traits))
    if link.decided_by_human and link.held is Held.MERGED:
        return "merged" if str(other.id) in work.membership.person_of(str(one.id)) else "review"
    if link.held is Held.MERGED and doubtful:
        if _agree(work, one, other):
            return "merged"
        version = work.rules.matching.version
        link.unmerge(reason="the two agree by no rule any more", rule=MATCHING, rule_version=version)
    if link.held is Held.OPEN and doubtful:
        link.request_review(reason=reason, rule=HUMAN, rule_version=0, score=None, compared=[])
        return "review"
    found = Merge(one=one.id, other=other.id, reason=reason).decide(work)["outcome"]
    return "merged" if found == "merged" else "review"


def _agree(work: Work, one: Identity, other: Identity) -> bool:
    """Whether a rule in force would merge the two now; where none is in force, none takes a merge back either."""
    for rule in (Tier.SURE, Tier.STRICT):
        try:
            agreeing(work, one.id, other.id, rule, work.rules.matching.version)
        except EvidenceGone:
            continue
        except RuleNotInForce:
            pass
        return True
    return False
