"""Lets what protects an identity protect both parts as it is split (I18), and ends that as the split is taken back.

An opposition counts from when it was first said, so that what moved is withheld as it was. A consent is no part of it:
nobody consented for the other person; but what a consent leaves out is refused for the other part to its whole party.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from domain.aggregates.consent import Consent
from domain.aggregates.erasure import Erasure
from domain.aggregates.identity import Identity
from domain.commands.consents import consent_of
from domain.commands.erasures import erasure_of
from domain.commands.persons import Person
from domain.consent_statements import EVERYONE, Origin, Scope, Statement
from domain.errors import SplitStands
from domain.split_off import SplitOff
from domain.times import micros
from domain.work import Work
from domain.worklist import STATEMENTS_OF_TWO

FOLLOWING: Final[tuple[str, ...]] = ("DOUT", "FICT", "HOMA")
"""Flags of which a human alone can say whose they are."""
SAID: Final = "carried over as the identity was split: lift it where it is not this person's"


class Both(NamedTuple):
    """What stands for both parts, such as ``hold:case 26/00007``; the flags that the new one got; whether the first was
    flagged by it.
    """

    told: list[str]
    flags: tuple[str, ...] = ()
    marked: bool = False


def carry_over(work: Work, mixed: Identity, other: Identity, reason: str) -> Both:
    """Let all that protects the first protect the new one, too: also what was said for another identity of the person,
    of whom the new one is no part.
    """
    consents, held = said_for(work, mixed), Erasure.create_id(work.ids, mixed.id)
    erasure = work.find(Erasure, held)
    told = [*_refused(work, consents, other)]
    told += [*_held(work, erasure, other)] if erasure else []
    flags = [flag for flag in FOLLOWING if flag in mixed.flags]
    marked = bool(told) and STATEMENTS_OF_TWO not in mixed.flags
    if marked:
        mixed.flag(flag=STATEMENTS_OF_TWO, reason=reason)
    told += [f"flag:{flag}" for flag in flags]
    flags += [STATEMENTS_OF_TWO] if STATEMENTS_OF_TWO in mixed.flags else []
    for flag in flags:
        other.flag(flag=flag, reason=reason)
    work.rests_on(*(consent.id for consent in consents), held)
    return Both(told, tuple(flags), marked)


def said_for(work: Work, identity: Identity, *, but: Identity | None = None) -> Sequence[Consent]:
    """What was said for an identity, then for the others of its person."""
    mine = str(identity.id)
    work.membership.load((mine,))
    others = work.membership.person_of(mine) - {mine, str(but.id) if but else mine}
    return Person(work, [mine, *sorted(others)]).consents


def refusals(work: Work, consents: Sequence[Consent]) -> Iterator[tuple[tuple[str, str], Origin]]:
    """What was refused, by scope and party, and where that was first said; what a consent leaves out, too."""
    for consent in consents:
        left_out = {(Scope.CONSULT, party): held for party, held in _left_out(consent, micros(work.now)).items()}
        for key, held in [*consent.oppositions.items(), *left_out.items()]:
            yield key, consent.origin(held)


def _refused(work: Work, consents: Sequence[Consent], other: Identity) -> Iterator[str]:
    for (scope, party), origin in refusals(work, consents):
        theirs = consent_of(work, other.id)
        if (scope, party) not in theirs.oppositions:
            theirs.oppose(scope=Scope(scope), party=party, reason=SAID, carried=origin)
            yield f"opposition:{scope}:{party}"


def _left_out(consent: Consent, now: int) -> dict[str, Statement]:
    """Consents that leave something out, by party."""
    return {party: held for party, held in consent.grants.items() if held.exclusions and held.holds(now)}


def _held(work: Work, erasure: Erasure, other: Identity) -> Iterator[str]:
    for reference, by in erasure.holds.items():
        erasure_of(work, other.id).hold(reference=reference, by=by, carried_from=erasure.identity_id)
        yield f"hold:{reference}"


def refuse_if_it_ruled(work: Work, mixed: Identity, other: Identity) -> None:
    """What a person refused, or asked for, is said of what moves, too; what was carried over stands for the first one,
    if nobody lifted it there. Raises SplitStands (I17).
    """
    erasures = [Erasure.create_id(work.ids, one.id) for one in (mixed, other)]
    said = Consent.create_id(work.ids, other.id)
    work.fetch((said, *erasures))
    first, second = said_for(work, mixed, but=other), work.find(Consent, said)
    if second and not all(covered(first, key, second.origin(held)) for key, held in second.oppositions.items()):
        raise SplitStands(
            f"identity {other.id} opposes what {mixed.id} does not oppose: lift that first, or merge the two"
        )
    if second and not _left_out_too(first, second, micros(work.now)):
        raise SplitStands(
            f"a consent of {other.id} leaves out what none of {mixed.id} does: revoke it first, or merge the two"
        )
    ours, theirs = (work.find(Erasure, one) for one in erasures)
    if theirs and not _holds_too(ours, theirs):
        raise SplitStands(
            f"an erasure of {other.id} is requested or held: see krypton erase status, and cancel or release it first"
        )
    work.rests_on(*(consent.id for consent in first), said, *erasures)


def covered(first: Sequence[Consent], key: tuple[str, str], origin: Origin) -> bool:
    """Whether the first one's person refuses it as well; to feeding from the same time on."""
    if known := [consent.origin(held) for consent in first if (held := consent.oppositions.get(key))]:
        return key[0] == Scope.CONSULT or origin in known
    return origin.statement_id in {given.id for consent in first for given in consent.grants.values()}


def _left_out_too(first: Sequence[Consent], second: Consent, now: int) -> bool:
    """Whether the first one's person refuses, or leaves out as well, what the second one's consents leave out."""
    for party, held in _left_out(second, now).items():
        refused = any((Scope.CONSULT, one) in consent.oppositions for consent in first for one in (party, EVERYONE))
        theirs = (left_out[party] for consent in first if party in (left_out := _left_out(consent, now)))
        if not refused and not {*held.exclusions} <= {one for given in theirs for one in given.exclusions}:
            return False
    return True


def _holds_too(ours: Erasure | None, theirs: Erasure) -> bool:
    """Whether nothing but holds is known of the second erasure, and each was carried over and holds the first, too."""
    if theirs.state == "cancelled":
        return True
    carried = theirs.carried if theirs.request is None and theirs.deadline is None else set()
    return {*theirs.holds} <= carried and ours is not None and {*theirs.holds} <= {*ours.holds}


def end(work: Work, mixed: Identity, other: Identity, split: SplitOff, reason: str) -> list[str]:
    """Nothing is the new identity's any more: what was carried over to it ends, and is told."""
    consent_id, erasure_id = (kind.create_id(work.ids, other.id) for kind in (Consent, Erasure))
    consent, erasure = work.find(Consent, consent_id), work.find(Erasure, erasure_id)
    told = []
    if consent:
        for scope, party in consent.carried():
            consent.lift(scope=scope, party=party, reason=reason)
            told.append(f"opposition:{scope}:{party}")
    if erasure:
        told += [f"hold:{reference}" for reference in erasure.end_carried(by=work.actor)]
    for flag in split.carried_flags:
        if flag in other.flags:
            other.clear_flag(flag=flag, reason=reason)
            told += [f"flag:{flag}"] if flag in FOLLOWING else []
    if split.marked and STATEMENTS_OF_TWO in mixed.flags:
        mixed.clear_flag(flag=STATEMENTS_OF_TWO, reason=reason)
    return told
