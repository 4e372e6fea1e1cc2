"""Steps of features/split.feature."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from pytest_bdd import given, parsers, scenarios, step, then, when

from domain.aggregates.consent import Consent
from domain.aggregates.erasure import Erasure
from domain.commands.announced import AnnouncedPatient, AnnouncePatient
from domain.commands.consents import Grant, LiftOpposition, Oppose
from domain.commands.directory import RegisterProfessional
from domain.commands.erasures import ApproveErasure, HoldErasure, RequestErasure
from domain.commands.identities import Flag
from domain.commands.links import Bar, Merge, Unmerge
from domain.commands.orders import CancelOrder, PerformOrder, PlaceOrder, ScheduleOrder
from domain.commands.splits import Split, UndoSplit
from domain.commands.studies import ReassignStudy, WithdrawStudy
from domain.errors import LegalHold
from domain.work import Envelope
from schemas.event import ERASED
from tests.fakes.erasing import Erase
from tests.features.conftest import FEATURES
from tests.features.worlds.world import World

scenarios(str(FEATURES / "split.feature"))

FIRST = {"family": "FICTIVE", "given": "Marie", "birth_date": "1950-03-04"}
SLIP = {**FIRST, "birth_date": "1950-03-05"}
NUMBER = "55"
ASKED = ["is there a fracture?", "is there a nodule?"]
CASE = "case 26/00007"
UIDS = [f"2.25.99{number}" for number in range(3)]
THAT = "2.25.999"


@given("CHB sent 3 studies of two people under one number, and they are one identity", target_fixture="sent")
def sent_mixed(world: World) -> list[UUID]:
    """A slip in the date looks like the same person's."""
    studies = []
    for uid, stated in zip(UIDS, (FIRST, FIRST, SLIP), strict=True):
        answer = world.receive("CHB", uid, local_id=NUMBER, stated=stated)
        assert answer is not None
        studies.append(UUID(answer.result["study"]))
        world.identities["mixed"] = UUID(answer.result["identity"])
    assert world.shown("mixed")["flags"] == ["traits_differ"]
    return studies


@given("CHB placed 2 orders for that identity", target_fixture="placed")
def placed_two(world: World) -> list[UUID]:
    rpps = world.rpps("10101201233")
    world.ask(RegisterProfessional(rpps=rpps, name="Dr Clinicien", profession="physician"))
    return [place(world, "mixed", rpps, number, asked) for number, asked in enumerate(ASKED)]


def place(world: World, whose: str, rpps: str, number: int, question: str) -> UUID:
    """An order of CHB."""
    answer = world.ask(
        PlaceOrder(
            identity=world.identities[whose],
            site=world.code("CHB"),
            ordered_by=rpps,
            modality="CT",
            question=question,
            placer_number=f"A-{number}",
        )
    )
    assert answer is not None
    return UUID(answer.result["order"])


def two(world: World) -> tuple[UUID, UUID]:
    """The identity that was mixed, and the new one."""
    return world.identities["mixed"], world.identities["other"]


def split(
    world: World, studies: list[UUID], orders: list[UUID] | None = None, reason: str = "essai", **stated: str | None
) -> None:
    """Ask for it; the new identity is known to later steps."""
    asked = Split(
        identity=world.identities["mixed"],
        studies=tuple(studies),
        orders=tuple(orders or ()),
        stated=stated,
        reason=reason,
    )
    if answer := world.ask(asked):
        world.identities["other"] = UUID(answer.result["other"])


@step(parsers.parse('the third study is split off because "{reason}"'))
def third_split_off(world: World, sent: list[UUID], reason: str) -> None:
    split(world, sent[2:], reason=reason)


@step(parsers.parse('the first study is split off because "{reason}"'))
def first_split_off(world: World, sent: list[UUID], reason: str) -> None:
    split(world, sent[:1], reason=reason)


@step(parsers.parse('the second and the third study are split off because "{reason}"'))
def two_split_off(world: World, sent: list[UUID], reason: str) -> None:
    split(world, sent[1:], reason=reason)


@step(parsers.parse('the third study and the second order are split off because "{reason}"'))
def study_and_order_split_off(world: World, sent: list[UUID], placed: list[UUID], reason: str) -> None:
    split(world, sent[2:], placed[1:], reason)


@step(parsers.parse('the second order is split off because "{reason}"'))
def order_split_off(world: World, placed: list[UUID], reason: str) -> None:
    split(world, [], placed[1:], reason)


@given(parsers.parse("the third study is split off as {given_name}, born on {birth_date}"))
def split_off_as(world: World, sent: list[UUID], given_name: str, birth_date: str) -> None:
    split(world, sent[2:], family="FICTIVE", given=given_name, birth_date=birth_date)


@given(parsers.parse("the second order is split off as {given_name}, born on {birth_date}"))
def order_split_off_as(world: World, placed: list[UUID], given_name: str, birth_date: str) -> None:
    split(world, [], placed[1:], family="FICTIVE", given=given_name, birth_date=birth_date)


@when("the third study is split off as the first one is known")
def split_off_as_the_same(world: World, sent: list[UUID]) -> None:
    split(world, sent[2:], None, "essai", **SLIP)


@when("a study of another identity is split off")
def study_of_another(world: World) -> None:
    answer = world.receive("CHB", "2.25.998", local_id="56", stated=FIRST)
    assert answer is not None
    split(world, [UUID(answer.result["study"])])


@when("an order of another identity is split off")
def order_of_another(world: World) -> None:
    world.register("stranger", "CHB", "57")
    split(world, [], [place(world, "stranger", world.rpps("10101201233"), 9, ASKED[0])])


@given("the third study is split off the other")
def split_again(world: World, sent: list[UUID]) -> None:
    world.ask(Split(identity=world.identities["other"], studies=(sent[2],), reason="essai"))


@step(parsers.parse('the split is taken back because "{reason}"'))
def taken_back(world: World, reason: str) -> None:
    world.ask(UndoSplit(identity=world.identities["other"], reason=reason))


@when("the split of the first is taken back")
def taken_back_of_the_first(world: World) -> None:
    world.ask(UndoSplit(identity=world.identities["mixed"], reason="essai"))


# What happens meanwhile


@step(parsers.parse("CHB sends another study of {given_name}, born on {birth_date}"))
def sends_another(world: World, given_name: str, birth_date: str) -> None:
    stated = {"family": "FICTIVE", "given": given_name, "birth_date": birth_date}
    answer = world.receive("CHB", THAT, local_id=NUMBER, stated=stated)
    assert answer is not None
    world.identities["that study"] = UUID(answer.result["study"])
    world.identities["of that study"] = UUID(answer.result["identity"])


@given(parsers.re(r"(?P<which>that|the third) study was made of the second order"))
def was_made_of(world: World, placed: list[UUID], which: str) -> None:
    world.ask(PerformOrder(order=placed[1], study_uid=THAT if which == "that" else UIDS[2]))


@given("the third study is reassigned to somebody else")
def reassigned(world: World, sent: list[UUID]) -> None:
    to = world.register("somebody", "CHP", "77")
    world.ask(ReassignStudy(study=sent[2], to_identity=to, reason="essai"))


@given("the third study is withdrawn")
def withdrawn(world: World, sent: list[UUID]) -> None:
    world.ask(WithdrawStudy(study=sent[2], reason="essai"))


@when("CHB schedules the second order, and then cancels it")
def scheduled_and_cancelled(world: World, placed: list[UUID]) -> None:
    at = datetime(2026, 2, 1, 9, tzinfo=UTC)
    world.ask(ScheduleOrder(order=placed[1], site=world.code("CHB"), at=at, accession="ACC-9"))
    world.ask(CancelOrder(order=placed[1], reason="essai"))


@step(parsers.parse('the two are merged because "{reason}"'))
def merged(world: World, reason: str) -> None:
    mixed, other = two(world)
    world.ask(Merge(one=mixed, other=other, reason=reason))


@given("the other is merged with an identity of CHP")
def known_elsewhere(world: World) -> None:
    elsewhere = world.register("elsewhere", "CHP", "78")
    world.ask(Merge(one=elsewhere, other=world.identities["other"], reason="essai"))


@given("the two are barred from each other")
def barred(world: World) -> None:
    mixed, other = two(world)
    world.ask(Bar(one=mixed, other=other, reason="essai"))


@given(parsers.re(r"the (?P<whose>first|other) opposes that anybody sees their record"))
def opposed(world: World, whose: str) -> None:
    world.ask(Oppose(identity=part(world, whose)))


@given("the first is one person with an identity of CHP, which opposes that anybody sees their record")
def opposed_elsewhere(world: World) -> None:
    elsewhere = world.register("elsewhere", "CHP", "78")
    world.ask(Merge(one=world.identities["mixed"], other=elsewhere, reason="essai"))
    world.ask(Oppose(identity=elsewhere))


@given("that identity is no more the first one's person")
def unmerged_elsewhere(world: World) -> None:
    world.ask(Unmerge(one=world.identities["mixed"], other=world.identities["elsewhere"], reason="essai"))


@step(parsers.re(r"the opposition of the (?P<whose>first|other) is lifted"))
def lifted(world: World, whose: str) -> None:
    world.ask(LiftOpposition(identity=part(world, whose)))


@given(parsers.re(r"the (?P<whose>first|other) consents to CHP, but for the third study"))
def consented(world: World, whose: str) -> None:
    world.enroll("CHP")
    party = f"site:{world.code('CHP')}"
    world.ask(Grant(identity=part(world, whose), party=party, exclusions=[f"study:{UIDS[2]}"]))


@given("the first is flagged DOUT and HOMA")
def warned(world: World) -> None:
    for flag in ("DOUT", "HOMA"):
        world.ask(Flag(identity=part(world, "first"), flag=flag, reason="essai"))


@given(parsers.re(r"a legal hold is placed on the (?P<whose>first|other)"))
def held(world: World, whose: str) -> None:
    world.ask(HoldErasure(identity=part(world, whose), reference=CASE))


@step(parsers.re("the (?P<whose>first|other) is erased"))
def erased(world: World, whose: str) -> None:
    identity = world.identities["mixed" if whose == "first" else whose]
    world.ask(Erase(identity=identity, reason="error: file 1"))
    world.ledger.vault.destroy(str(identity))


@when(parsers.parse("CHB announces that the number is of {given_name}, born on {birth_date}"))
def announced(world: World, given_name: str, birth_date: str) -> None:
    stated = {"family": "FICTIVE", "given": given_name, "birth_date": birth_date}
    patient = AnnouncedPatient(local_id=NUMBER, stated=stated)
    world.ask(AnnouncePatient(site=world.code("CHB"), patient=patient, content="1", only_new=True))


# What users then see


def part(world: World, whose: str) -> UUID:
    """One of the two."""
    return world.identities["mixed" if whose == "first" else whose]


def refused(world: World, whose: str) -> list[tuple[str, str]]:
    """What one of the two opposes."""
    consent = world.ledger.find(Consent, Consent.create_id(world.ledger.ids, part(world, whose)))
    return [*consent.oppositions] if consent else []


@then("both oppose that anybody sees their record")
def both_oppose(world: World) -> None:
    assert [refused(world, one) for one in ("first", "other")] == [[("consult", "everyone")]] * 2


@then("the first alone opposes that anybody sees their record")
def first_opposes(world: World) -> None:
    assert [refused(world, one) for one in ("first", "other")] == [[("consult", "everyone")], []]


@then("the other opposes that anybody sees their record")
def other_opposes(world: World) -> None:
    assert refused(world, "other") == [("consult", "everyone")]


@then("the other opposes nothing any more")
def other_opposes_nothing(world: World) -> None:
    assert refused(world, "other") == []


@then("the other opposes that CHP sees their record, and consents to nobody")
def other_opposes_chp(world: World) -> None:
    assert refused(world, "other") == [("consult", f"site:{world.code('CHP')}")]
    consent = world.ledger.find(Consent, Consent.create_id(world.ledger.ids, part(world, "other")))
    assert consent is not None
    assert consent.grants == {}


@then("the first consents to CHP, but for the third study")
def first_consents(world: World) -> None:
    consent = world.ledger.find(Consent, Consent.create_id(world.ledger.ids, part(world, "first")))
    assert consent is not None
    assert [(party, held.exclusions) for party, held in consent.grants.items()] == [
        (f"site:{world.code('CHP')}", (f"study:{UIDS[2]}",))
    ]


@then(parsers.re(r"the answer names (?P<what>\S+:.+) as for both"))
def named_for_both(world: World, what: str) -> None:
    assert world.answer is not None
    assert world.answer.result["for_both"] == [what]


@then("both are flagged statements_of_two")
def both_marked(world: World) -> None:
    assert all("statements_of_two" in world.shown(one)["flags"] for one in ("mixed", "other"))


@then("no erasure of the first or of the other can be approved")
def erasures_held(world: World) -> None:
    for whose in ("first", "other"):
        request = RequestErasure(identity=part(world, whose), ground="error", reference="file 1")
        world.ledger.execute(request, Envelope("operator:o1"))
        with pytest.raises(LegalHold):
            world.ledger.execute(ApproveErasure(identity=part(world, whose)), Envelope("operator:o2"))


@then("the first alone is held")
def first_held(world: World) -> None:
    ids = world.ledger.ids
    found = [world.ledger.find(Erasure, Erasure.create_id(ids, part(world, one))) for one in ("first", "other")]
    assert [[*erasure.holds] if erasure else None for erasure in found] == [[CASE], []]


@then("the other is flagged DOUT, HOMA and collision")
def other_warned(world: World) -> None:
    assert world.shown("other")["flags"] == ["DOUT", "HOMA", "collision"]


@then("the first is flagged DOUT, HOMA and traits_differ, and the other is not flagged")
def warned_as_before(world: World) -> None:
    assert world.shown("mixed")["flags"] == ["DOUT", "HOMA", "traits_differ"]
    assert world.shown("other")["flags"] == []


@then(parsers.parse("they are two, the first with {mine:d} studies and the other with {theirs:d}"))
def are_two(world: World, mine: int, theirs: int) -> None:
    assert world.person("mixed") == {world.identities["mixed"]}
    assert [len(world.views.record(one)["studies"]) for one in two(world)] == [mine, theirs]


@then(parsers.parse("they are apart, the first with {mine:d} studies and the other with {theirs:d}"))
def are_apart(world: World, mine: int, theirs: int) -> None:
    """The other is somebody else's identity, too."""
    assert world.person("other") == {world.identities["other"], world.identities["elsewhere"]}
    are_two(world, mine, theirs)


@then(parsers.parse("the first has {mine:d} studies and both orders, and the other has nothing"))
def all_is_back(world: World, placed: list[UUID], mine: int) -> None:
    are_two(world, mine, 0)
    assert [world.views.order(one)["identity"] for one in placed] == [str(world.identities["mixed"])] * 2


@then("the first has the first order, and the other the second")
def one_order_each(world: World, placed: list[UUID]) -> None:
    assert [world.views.order(one)["identity"] for one in placed] == [str(one) for one in two(world)]


@then("each order tells what was asked")
def orders_tell(world: World, placed: list[UUID]) -> None:
    assert [world.views.order(one)["question"] for one in placed] == ASKED


@then("the second order alone tells what was asked")
def one_order_tells(world: World, placed: list[UUID]) -> None:
    assert [world.views.order(one)["question"] for one in placed] == [ERASED, ASKED[1]]


@then("the other is flagged collision, and the first no more")
def flags(world: World) -> None:
    assert (world.shown("mixed")["flags"], world.shown("other")["flags"]) == ([], ["collision"])
    assert world.shown("other")["local_id"] == f"{NUMBER}#2"


@then("the first is flagged traits_differ again, and the other is not flagged")
def flags_as_before(world: World) -> None:
    assert (world.shown("mixed")["flags"], world.shown("other")["flags"]) == (["traits_differ"], [])


@then("the other is flagged collision still")
def flagged_still(world: World) -> None:
    assert world.shown("other")["flags"] == ["collision"]


@then("whom that study is of is flagged collision")
def newcomer_flagged(world: World) -> None:
    assert world.identities["of that study"] not in two(world)
    assert world.shown("of that study")["flags"] == ["collision"]


@then("that is known already, of the first")
def known_of_the_first(world: World) -> None:
    assert world.answer is not None
    assert (world.answer.result["outcome"], world.answer.result["identity"]) == ("known", str(two(world)[0]))


@then("the history of either tells of the split, and that it was taken back")
def history_tells(world: World) -> None:
    for one in two(world):
        said = [entry for entry in world.views.history(one) if entry["type"].startswith("identity.split_")]
        assert [entry["type"] for entry in said] == ["identity.split_off", "identity.split_undone"]
        assert [{*entry["identities"]} for entry in said] == [{str(side) for side in two(world)}] * 2


@then("the answer names the third study as moved on")
def named_as_moved_on(world: World, sent: list[UUID]) -> None:
    assert world.answer is not None
    assert world.answer.result["moved_on"] == [str(sent[2])]


@then("the answer names that study as kept")
def named_as_kept(world: World) -> None:
    assert world.answer is not None
    assert world.answer.result["keeps"] == [str(world.identities["that study"])]


@then(parsers.parse("the record of the first counts {count:d} study that is hidden"))
def counts_hidden(world: World, count: int) -> None:
    assert world.views.record(world.identities["mixed"])["withdrawn"] == count


@then(parsers.parse("the record of either shows {count:d} studies"))
def shows(world: World, count: int) -> None:
    assert [len(world.views.record(one)["studies"]) for one in two(world)] == [count, count]
