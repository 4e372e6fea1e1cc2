"""How a user provokes each refusal about who somebody is."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest.mock import patch
from uuid import UUID

from domain import errors, event_sizes
from domain.actors import Role
from domain.aggregates.identity import Identity
from domain.aggregates.link import Link
from domain.commands.announced import AnnouncedPatient, AnnouncePatient
from domain.commands.announced_pairs import AnnounceKept, AnnounceMerge, AnnounceUnlink
from domain.commands.consents import Grant, Oppose
from domain.commands.erasures import HoldErasure
from domain.commands.identities import AttachIns, ClearFlag, Correct, DetachIns, Flag, Register, SetStatus
from domain.commands.links import Bar, Dismiss, Merge, Propose, Unbar, Unmerge
from domain.commands.reviews import Alone, Assign, Pair, Postpone
from domain.commands.splits import Split, UndoSplit
from domain.identity_status import Status
from domain.ins import PRODUCTION, key_of, matricule
from domain.tasks import check
from domain.traits import received_traits
from domain.work import Command, Envelope, Work
from krypton.cli.calling import Acting, chosen
from tests.fakes.erasing import Erase
from tests.fakes.region import received
from tests.unit.refusals import LOCAL_ID, MATRICULE, PERSON, TEST_OID, WORDS, Directly, Provoked, World

BORN_THEN = "2130233063001"
"""A number that fits the marked person."""


def registration(**change: Any) -> Register:
    """A person with one thing wrong."""
    stated = PERSON | change.pop("stated", {})
    return Register(**({"assigner": "CHB", "local_id": "MARKED-ID-9", "stated": stated} | change))


class SplitThen:
    """As a program split that did not keep what moved."""

    @staticmethod
    def decide(work: Work) -> dict[str, Any]:
        """A second identity under the number."""
        known = Identity.create_id(work.ids, "CHB", LOCAL_ID, 2)
        return {"identity": str(work.add(Identity(known, "CHB", LOCAL_ID, 2, received_traits(work.now), "split")).id)}


def split_then(w: Any) -> UUID:
    """An identity that was split off by such a program."""
    _ = w.marie
    return UUID(w.ask(SplitThen()).result["identity"])


def announced(kept: str, gone: str, site: str = "CHB") -> AnnounceMerge:
    """An establishment gives up a number."""
    return AnnounceMerge(site=site, pairs=((kept, gone),), content="1")


def borne_twice(world: World) -> Command:
    """An establishment names a number that two people bear."""
    world.receive("CHB", local_id=LOCAL_ID, stated={"family": "OTHER", "given": "Zoé", "birth_date": "1999-09-09"})
    _ = world.other
    return announced(LOCAL_ID, LOCAL_ID + "-2")


def corrects_one_of_two(world: World) -> Command:
    """An establishment corrects the birth date of somebody whose number a namesake bears, too."""
    stated = {name: value for name, value in PERSON.items() if name != "birth_date"}
    world.receive("CHB", local_id=LOCAL_ID, stated=stated | {"birth_date": "1951-11-27"})
    patient = AnnouncedPatient(local_id=LOCAL_ID, stated=stated | {"birth_date": "1999-09-09"})
    return AnnouncePatient(site="CHB", patient=patient, content="1", corrects=True)


def kept_for_itself() -> Command:
    """An establishment keeps the number that it gives up."""
    patient = AnnouncedPatient(local_id=LOCAL_ID, stated=PERSON)
    return AnnounceKept(site="CHB", kept=(patient,), gone=(LOCAL_ID,), content="1")


def held_by_others(world: World) -> Command:
    """Two numbers are said to be two people's, whom links to a third hold together."""
    _ = world.other
    world.known(LOCAL_ID + "-3")
    for number in ("-2", "-3"):
        world.ask(announced(LOCAL_ID, LOCAL_ID + number))
    return AnnounceUnlink(site="CHB", one=LOCAL_ID + "-2", other=LOCAL_ID + "-3", content="1")


def propose(**pair: Any) -> Propose:
    """As a rule does."""
    return Propose(rule="review", rule_version=1, score=0.8, compared=["family"], **pair)


def rule_merge(**pair: Any) -> Merge:
    """A rule holds two identities one person."""
    return Merge(**pair, rule="strict", rule_version=1, score=1.0)


def rule_unmerge(**pair: Any) -> Unmerge:
    """A rule takes a merge back."""
    return Unmerge(**pair, rule="matching", rule_version=1)


def third(w: Any, pair: dict[str, Any]) -> dict[str, Any]:
    """The first of the pair with a third identity, which is one person with the second."""
    known = w.known("MARKED-ID-3", sex="F")
    w.ask(Merge(one=pair["other"], other=known, reason=WORDS))
    return pair | {"other": known}


def held_back(w: Any) -> dict[str, Any]:
    """A pair that is merged against a bar with a third identity."""
    pair: dict[str, Any] = w.pair()
    joined = third(w, pair)
    w.ask(Bar(**joined))
    w.ask(Merge(**pair))
    return pair


def joined_by_a_third(w: Any) -> dict[str, Any]:
    """A pair of whom nothing was said, and each is one person with a third."""
    pair: dict[str, Any] = w.pair(Merge)
    return third(w, pair)


def proposed(w: Any) -> dict[str, Any]:
    """A pair that waits for a human."""
    pair: dict[str, Any] = w.pair(propose)
    return pair


def as_pair(pair: dict[str, Any]) -> dict[str, Any]:
    """A pair, as what waits is named."""
    return {"what": Pair(one=pair["one"], other=pair["other"]), "reason": pair["reason"]}


def waiting(w: Any) -> dict[str, Any]:
    """A pair that waits for a human, as what waits is named."""
    return as_pair(proposed(w))


def doubted(w: Any, *flags: str) -> dict[str, Any]:
    """One identity that waits for a human by itself, for these flags."""
    for flag in flags:
        w.ask(Flag(identity=w.marie, flag=flag, reason=WORDS))
    return {"what": Alone(identity=w.marie), "reason": WORDS}


def put_off(w: Any) -> Postpone:
    """An identity that is postponed to the same time once more."""
    asked = Postpone(**doubted(w, "number_swapped"), until=w.clock() + timedelta(days=7))
    w.ask(asked)
    return asked


def given_again(w: Any) -> Assign:
    """An identity that is given to the same clerk once more."""
    asked = Assign(**doubted(w, "number_swapped"), assigned_to="clerk:c1")
    w.ask(asked)
    return asked


def postponed_again(w: Any) -> Postpone:
    """A pair that is postponed to the same time once more."""
    asked = Postpone(**waiting(w), until=w.clock() + timedelta(days=7))
    w.ask(asked)
    return asked


def assigned_again(w: Any) -> Assign:
    """A pair that is given to the same clerk once more."""
    asked = Assign(**waiting(w), assigned_to="clerk:c1")
    w.ask(asked)
    return asked


def qualified_in_doubt(w: World) -> SetStatus:
    """Somebody of whom all strict traits are known is qualified by a number that says another year of birth."""
    one = w.known(LOCAL_ID + "-6", sex="F")
    w.ask(AttachIns(identity=one, matricule=MATRICULE, oid=TEST_OID))
    return SetStatus(identity=one, status=Status.QUAL, reason=WORDS)


def numbered(w: Any) -> dict[str, Any]:
    """A pair that a rule merged by a number that both have as their own."""
    pair: dict[str, Any] = w.alike()
    for side in ("one", "other"):
        w.ask(AttachIns(identity=pair[side], matricule=f"{BORN_THEN}{key_of(BORN_THEN):02}", oid=TEST_OID))
    w.ask(Merge(**pair, rule="sure", rule_version=1))
    return pair


def split_off(w: World) -> UUID:
    """Who was split off Marie, with her study."""
    return UUID(w.ask(Split(identity=w.marie, studies=(w.study(),), reason=WORDS)).result["other"])


def taken_back(w: World, said: Callable[[UUID], Command]) -> UndoSplit:
    """A split is taken back of whose new identity something was said meanwhile."""
    other = split_off(w)
    w.ask(said(other))
    return undone(other)


def undone(other: UUID) -> UndoSplit:
    """The split of an identity is taken back."""
    return UndoSplit(identity=other, reason=WORDS)


def named_the_first(w: World) -> UndoSplit:
    """The identity that held two people is named, in place of the new one."""
    split_off(w)
    return undone(w.marie)


def merged_with(third: UUID, one: UUID) -> Merge:
    """Somebody else is the same person."""
    return Merge(one=third, other=one, reason=WORDS)


def barred_from(first: UUID, one: UUID) -> Bar:
    """The two are never one person."""
    return Bar(one=first, other=one, reason=WORDS)


def split_again(w: World, one: UUID) -> Split:
    """What the new identity got is of two people, too."""
    (study,) = (each.aggregate_id for each in w.history() if each.type == "study.arrived")
    return Split(identity=one, studies=(UUID(study),), reason=WORDS)


def renamed(w: Any, **pair: Any) -> dict[str, Any]:
    """The pair, of which one has another name by now."""
    w.ask(Correct(identity=pair["other"], stated={"family": "MARKEDOTHER"}, reason=WORDS))
    return pair


def repeat_of_another(world: World) -> Directly:
    """A command id that a clerk used, from another clerk."""
    by = Envelope("clerk:c1")
    world.execute(registration(), by)
    again = Envelope("clerk:c2", by.command_id)
    return Directly(lambda: world.execute(registration(local_id="MARKED-ID-8"), again))


def shortened(world: World) -> Directly:
    """As if topics took next to nothing."""

    def ask() -> None:
        with patch.object(event_sizes, "MOST_BYTES", 20):
            world.execute(registration(local_id="MARKED-ID-9"), Envelope())

    return Directly(ask)


def lost(w: World) -> World:
    """The same world, whose vault was brought back from a backup that is older than Marie."""
    del w.memory_vault.keys[str(w.marie)]
    return w


PROVOKED = [
    Provoked(errors.UnknownSite, "the sender's establishment is not enrolled", lambda _: announced("1", "2", "XXX")),
    Provoked(errors.AlreadyRegistered, "people bear one of the numbers of CHB", borne_twice),
    Provoked(errors.AlreadyRegistered, "several people who bear the number can be meant", corrects_one_of_two),
    Provoked(errors.SameIdentity, "given up for itself", lambda _: kept_for_itself()),
    Provoked(errors.NothingToChange, "one person by links of other pairs", held_by_others),
    # Keys: of who was registered since the vault's backup, traits cannot be read, and nothing is sealed
    Provoked(errors.KeyMissing, "the vault has no key for", lambda w: Oppose(identity=lost(w).marie, reason=WORDS)),
    Provoked(errors.KeyMissing, "its newest backup", lambda w: lost(w).again()),
    Provoked(
        errors.KeyMissing,
        "krypton audit verify names",
        lambda w: Correct(identity=lost(w).marie, stated={"sex": "F"}, reason=WORDS),
    ),
    Provoked(errors.EventTooLong, "send what it tells in parts", shortened),
    # Actor
    Provoked(errors.BadActor, "write rpps: and the number", lambda w: Directly(lambda: Envelope("Dr MARKEDGIVEN"))),
    Provoked(errors.NotForRole, "it is for clerk", lambda w: Directly(lambda: check(Role.AUDITOR, "identity.merge"))),
    Provoked(errors.NotOnesOwn, "not yours", lambda w: Directly(lambda: chosen("record.show", [], "clerk:x"))),
    Provoked(errors.IdTaken, "give a new one", repeat_of_another),
    Provoked(errors.OfAnother, "their own number", lambda w: Directly(lambda: Acting("rpps:1").number("2"))),
    # Identity
    Provoked(
        errors.BadTraits,
        "holds a control character",
        lambda w: registration(stated={"family": "FIC\0TIF"}),
    ),
    Provoked(
        errors.BadTraits,
        "the local id is empty",
        lambda w: registration(local_id=" "),
    ),
    Provoked(
        errors.BadTraits,
        "or holds a control character",
        lambda w: received(local_id=f"{LOCAL_ID}\x1f2", stated=PERSON),
    ),
    Provoked(
        errors.BadTraits,
        "longer than 256 characters",
        lambda w: registration(local_id=LOCAL_ID * 30),
    ),
    Provoked(
        errors.BadTraits, "no such trait: shoe_size; known are", lambda w: registration(stated={"shoe_size": "9"})
    ),
    Provoked(errors.BadTraits, "give at least one", lambda w: registration(stated={"family": "", "given": " "})),
    Provoked(errors.BadTraits, "write it YYYY-MM-DD", lambda w: registration(stated={"birth_date": "28/02/1913"})),
    Provoked(errors.BadTraits, "leave it out when it is not known", lambda w: registration(stated={"sex": "X"})),
    Provoked(errors.BadTraits, "such as 13055, 2A004", lambda w: registration(stated={"birth_place": "Bordeaux"})),
    Provoked(errors.BadTraits, "check the year", lambda w: registration(stated={"birth_date": "2913-02-28"})),
    Provoked(
        errors.BadTraits, "before 1850: check the year", lambda w: registration(stated={"birth_date": "1813-02-28"})
    ),
    Provoked(errors.BadTraits, "leave it out if it is not known", lambda w: registration(stated={"family": "12345!!"})),
    Provoked(
        errors.BadTraits, "a digit or a sign that no name has", lambda w: registration(stated={"given": "Marie2"})
    ),
    Provoked(errors.BadTraits, "take it out, for with it the id", lambda w: registration(local_id=" MARKED-ID-9 ")),
    Provoked(errors.AlreadyRegistered, "correct it instead", lambda w: registration(local_id=LOCAL_ID)),
    Provoked(errors.UnknownSite, "krypton site enroll NOWHERE", lambda w: registration(assigner="NOWHERE")),
    Provoked(errors.UnknownSite, "krypton site list", lambda w: registration(assigner=f"X;{PERSON['family']}")),
    Provoked(
        errors.NothingToCorrect, "nothing to do", lambda w: Correct(identity=w.marie, stated=PERSON, reason=WORDS)
    ),
    Provoked(
        errors.StatusNotAllowed,
        "is PROV already",
        lambda w: SetStatus(identity=w.marie, status=Status.PROV, reason=WORDS),
    ),
    Provoked(
        errors.StatusNotAllowed,
        "clear the flag, then raise the status",
        lambda w: w.after(
            Flag(identity=w.marie, flag="DOUT", reason=WORDS),
            ask=SetStatus(identity=w.marie, status=Status.VALI, reason=WORDS),
        ),
    ),
    Provoked(
        errors.StatusNotAllowed,
        "attach it, then set QUAL",
        lambda w: SetStatus(identity=w.marie, status=Status.QUAL, reason=WORDS),
    ),
    Provoked(
        errors.StatusNotAllowed,
        "QUAL needs all strict traits, correct it first",
        lambda w: w.after(
            AttachIns(identity=w.marie, matricule=MATRICULE, oid=TEST_OID),
            ask=SetStatus(identity=w.marie, status=Status.QUAL, reason=WORDS),
        ),
    ),
    Provoked(errors.StatusNotAllowed, "check the matricule with INSi", qualified_in_doubt),
    Provoked(
        errors.StatusNotAllowed,
        "INS is not fetched for it",
        lambda w: w.after(
            Flag(identity=w.marie, flag="FICT", reason=WORDS),
            ask=AttachIns(identity=w.marie, matricule=MATRICULE, oid=TEST_OID),
        ),
    ),
    Provoked(errors.StatusNotAllowed, "nothing to detach", lambda w: DetachIns(identity=w.marie, reason=WORDS)),
    Provoked(
        errors.StatusNotAllowed,
        "excludes FICT: clear it first",
        lambda w: w.after(
            Flag(identity=w.marie, flag="DOUT", reason=WORDS), ask=Flag(identity=w.marie, flag="FICT", reason=WORDS)
        ),
    ),
    Provoked(errors.BadIns, "OID 1.2.3 is not one of INS", lambda w: registration(ins=MATRICULE, ins_oid="1.2.3")),
    Provoked(errors.BadIns, "check what was typed", lambda w: registration(ins=MATRICULE[:13], ins_oid=TEST_OID)),
    Provoked(
        errors.BadIns, "fetch it again from INSi", lambda w: registration(ins=MATRICULE[:13] + "88", ins_oid=TEST_OID)
    ),
    Provoked(
        errors.OtherAuthority,
        "is that of real people",
        lambda w: AttachIns(identity=w.marie, matricule=MATRICULE, oid=PRODUCTION.default),
    ),
    # Of an installation that is not for tests
    Provoked(
        errors.OtherAuthority,
        "is for tests, and this installation is not",
        lambda w: Directly(lambda: matricule(MATRICULE, TEST_OID, PRODUCTION)),
    ),
    Provoked(errors.FlagUnchanged, "known are DOUT", lambda w: Flag(identity=w.marie, flag="RARE", reason=WORDS)),
    Provoked(
        errors.FlagUnchanged,
        "is flagged HOMA already",
        lambda w: w.after(
            Flag(identity=w.marie, flag="HOMA", reason=WORDS), ask=Flag(identity=w.marie, flag="HOMA", reason=WORDS)
        ),
    ),
    Provoked(
        errors.FlagUnchanged, "nothing to clear", lambda w: ClearFlag(identity=w.marie, flag="HOMA", reason=WORDS)
    ),
    Provoked(
        errors.Erased,
        "register the person under a new local id",
        lambda w: w.after(Erase(identity=w.marie, reason=WORDS), ask=Erase(identity=w.marie, reason=WORDS)),
    ),
    Provoked(
        errors.Erased,
        "no statement is taken on its behalf",
        lambda w: w.after(Erase(identity=w.marie, reason=WORDS), ask=Oppose(identity=w.marie)),
    ),
    Provoked(errors.NothingToSplit, "no study or order is named", lambda w: Split(identity=w.marie, reason=WORDS)),
    Provoked(
        errors.NothingToSplit,
        "name its own studies alone",
        lambda w: Split(identity=w.other, studies=(w.study(),), reason=WORDS),
    ),
    Provoked(
        errors.NothingToSplit,
        "name its own orders alone",
        lambda w: Split(identity=w.other, orders=(w.order(),), reason=WORDS),
    ),
    Provoked(
        errors.SamePerson,
        "state what tells the two apart",
        lambda w: Split(identity=w.marie, studies=(w.study(),), stated=PERSON, reason=WORDS),
    ),
    Provoked(
        errors.NothingToUndo, "was not split off another one", lambda w: UndoSplit(identity=w.marie, reason=WORDS)
    ),
    Provoked(
        errors.NothingToUndo, "did not keep what moved", lambda w: UndoSplit(identity=split_then(w), reason=WORDS)
    ),
    Provoked(errors.NothingToUndo, "taken back already", lambda w: taken_back(w, undone)),
    Provoked(errors.NothingToUndo, "name the identity that was split off", named_the_first),
    Provoked(
        errors.SplitStands, "unmerge the two first", lambda w: taken_back(w, lambda one: merged_with(w.other, one))
    ),
    Provoked(errors.SplitStands, "lift the bar first", lambda w: taken_back(w, lambda one: barred_from(w.marie, one))),
    Provoked(errors.SplitStands, "take the split of", lambda w: taken_back(w, lambda one: split_again(w, one))),
    Provoked(
        errors.SplitStands,
        "lift that first, or merge the two",
        lambda w: taken_back(w, lambda one: Oppose(identity=one, reason=WORDS)),
    ),
    Provoked(
        errors.SplitStands,
        "revoke it first, or merge the two",
        lambda w: taken_back(w, lambda one: Grant(identity=one, party="site:CHP", exclusions=["study:2.25.1"])),
    ),
    Provoked(
        errors.SplitStands,
        "cancel or release it first",
        lambda w: taken_back(w, lambda one: HoldErasure(identity=one, reference="case 26/7")),
    ),
    # Link
    Provoked(
        errors.Erased,
        "register the person under a new local id",
        lambda w: w.after(Erase(identity=w.marie, reason=WORDS), ask=Merge(**w.pair())),
    ),
    Provoked(errors.NothingToChange, "is merged already", lambda w: Merge(**w.pair(Merge))),
    Provoked(errors.NothingToChange, "held back by the bar of", lambda w: Merge(**held_back(w))),
    Provoked(errors.NothingToChange, "is not merged: see its history", lambda w: Unmerge(**w.pair())),
    Provoked(errors.JoinedByOthers, "to part them unmerge", lambda w: Unmerge(**joined_by_a_third(w))),
    Provoked(errors.JoinedByOthers, "to part them unmerge", lambda w: Dismiss(**joined_by_a_third(w))),
    Provoked(errors.NothingToChange, "is barred already", lambda w: Bar(**w.pair(Bar))),
    Provoked(errors.NothingToChange, "nothing to lift", lambda w: Unbar(**w.pair())),
    Provoked(errors.NothingToChange, "only an open proposal is dismissed", lambda w: Dismiss(**w.pair(Merge))),
    Provoked(errors.NothingToChange, "is dismissed already", lambda w: Dismiss(**w.pair(Dismiss))),
    Provoked(errors.HumanMadeIt, "only a human merges it again", lambda w: rule_merge(**w.alike(Merge, Unmerge))),
    Provoked(errors.HumanMadeIt, "was unmerged or dismissed by a human", lambda w: rule_merge(**w.alike(Dismiss))),
    Provoked(errors.OnePersonAlready, "is merged already: nothing to propose", lambda w: propose(**w.pair(Merge))),
    Provoked(errors.NothingToChange, "is decided already: nothing to propose", lambda w: propose(**w.pair(Bar))),
    Provoked(errors.HumanMadeIt, "only a human merges it again", lambda w: propose(**w.pair(Dismiss))),
    Provoked(errors.HumanMadeIt, "only a human can undo that", lambda w: rule_unmerge(**renamed(w, **w.pair(Merge)))),
    Provoked(errors.EvidenceGone, "do not agree by strict", lambda w: rule_merge(**renamed(w, **w.alike()))),
    Provoked(errors.EvidenceGone, "their merge stands", lambda w: rule_unmerge(**numbered(w))),
    Provoked(errors.EvidenceGone, "merges nobody", lambda w: Merge(**w.pair(), rule="review", rule_version=1)),
    Provoked(errors.OnePersonAlready, "are one person already", lambda w: rule_merge(**third(w, w.alike(Merge)))),
    Provoked(errors.NothingToChange, "waits in review already", lambda w: propose(**third(w, w.pair(propose)))),
    Provoked(errors.RuleNotInForce, "was never published", lambda w: Merge(**w.pair(), rule="strict", rule_version=9)),
    Provoked(errors.RuleNotInForce, "has no such rule", lambda w: Merge(**w.pair(), rule="close", rule_version=1)),
    Provoked(
        errors.TraitsDiffer,
        "differ in birth date",
        lambda w: Merge(one=w.marie, other=w.register(local_id="9", birth_date="1913-03-01"), reason="x"),
    ),
    Provoked(
        errors.NothingWaits, "do not wait for a decision", lambda w: Assign(**as_pair(w.pair()), assigned_to="clerk:c1")
    ),
    Provoked(errors.NothingWaits, "do not wait", lambda w: Postpone(**as_pair(w.pair(Merge)), until=None)),
    Provoked(errors.BadDelay, "a year ahead at most", lambda w: Postpone(**waiting(w), until=w.clock())),
    Provoked(errors.NothingToChange, "is not postponed", lambda w: Postpone(**waiting(w), until=None)),
    Provoked(errors.NothingToChange, "is postponed to then", lambda w: postponed_again(w)),
    Provoked(errors.NothingToChange, "is nobody's already", lambda w: Assign(**waiting(w), assigned_to=None)),
    Provoked(errors.NothingToChange, "is that clerk's already", lambda w: assigned_again(w)),
    Provoked(
        errors.NothingWaits,
        "say which, --kind collision",
        lambda w: Postpone(**doubted(w, "names_differ", "number_swapped"), until=None),
    ),
    Provoked(errors.NothingWaits, "nothing waits of identity", lambda w: Assign(**doubted(w), assigned_to="clerk:c1")),
    Provoked(
        errors.NothingWaits,
        "nothing of kind collision waits",
        lambda w: Postpone(what=Alone(identity=w.marie, kind="collision"), until=None, reason=WORDS),
    ),
    Provoked(errors.NothingToChange, "is not postponed", lambda w: Postpone(**doubted(w, "names_differ"), until=None)),
    Provoked(errors.NothingToChange, "is postponed to then", lambda w: put_off(w)),
    Provoked(
        errors.NothingToChange, "is nobody's already", lambda w: Assign(**doubted(w, "names_differ"), assigned_to=None)
    ),
    Provoked(errors.NothingToChange, "is that clerk's already", lambda w: given_again(w)),
    # No command gets so far, but the aggregate stands by its rule
    Provoked(
        errors.SameIdentity,
        "name two identities",
        lambda w: Directly(lambda: Link.propose(w.ids, (w.marie, 1), (w.marie, 1))),
    ),
]
