"""Steps of features/identity_cases.feature, on PostgreSQL: index, policy and sender take turns until all is done."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pytest_bdd import given, parsers, scenarios, step, then, when

from domain.actors import Caller
from domain.commands.identities import AttachIns
from domain.commands.links import Merge
from domain.ins import key_of
from domain.work import Envelope
from krypton.queries.review import pair_to_review, pairs_to_review
from krypton.queries.worklists import people_found
from tests.fakes.views import pair
from tests.fakes.weighing import TEST_OID
from tests.features.conftest import FEATURES
from tests.integration.policy_world import PolicyWorld, made

pytestmark = pytest.mark.live
scenarios(str(FEATURES / "identity_cases.feature"))
CLERK = Caller("clerk:front-desk", "asked at the desk")
LEA = {"family": "FICTIVE", "given": "Lea", "birth_date": "1980-04-12", "sex": "F", "birth_place": "33063"}
TRAIT = {"born": "birth_date", "place": "birth_place"}
SITES = {"A": "CHA", "C": "CHC", "E": "CHB"}
NUMBERS = {"A": "012", "E": "099"}


def matricule(order: str) -> str:
    thirteen = f"2800433063{order}"
    return f"{thirteen}{key_of(thirteen):02}"


class Desk:
    """Who was registered, by a letter, and what the worklist shows then."""

    def __init__(self, world: PolicyWorld) -> None:
        self.world = world
        self.known: dict[str, str] = {}
        self._numbers = count(1)

    def register(self, who: str, number: str = "", **stated: str) -> None:
        """One person, with their number; and all that follows by itself."""
        traits = {**LEA, **{TRAIT.get(name, name): value for name, value in stated.items() if value}}
        one = self.world.register(SITES[who], str(next(self._numbers)), **traits)
        if number:
            self.world.ask(AttachIns(identity=UUID(one), matricule=matricule(number), oid=TEST_OID))
        self.known[who] = one
        self.world.react("matching")

    def persons(self) -> Sequence[str]:
        return self.world.persons(*self.known.values())

    def waiting(self) -> list[set[str]]:
        """Who a clerk is asked about, by letters; of pairs."""
        letters = {identity: who for who, identity in self.known.items()}
        self.entries = pairs_to_review(self.world.ours, CLERK, evidence=True)
        return [{letters[side["identity"]] for side in entry["identities"]} for entry in self.entries]

    def words(self, one: str, other: str) -> list[str]:
        found = pair_to_review(self.world.ours, CLERK, self.known[one], self.known[other])
        return [trait["words"] for trait in found["evidence"]["traits"]]

    def merged(self) -> Mapping[str, Any]:
        """The last merge, as its event says it."""
        return [event.data for event in self.world.history() if event.type == "link.merged"][-1]


@pytest.fixture
def desk(installed_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    world = made(installed_url, tmp_path, monkeypatch)
    yield Desk(world)
    world.close()


@given("the rules that ship are in force")
def in_force(desk: Desk) -> None:
    desk.world.shipped_in_force()


@step(
    parsers.re(
        r"(?P<first>\w), (?P<second>\w) and (?P<third>\w) are registered, A with number 012, E with number 099 and C"
        r" without one"
    )
)
def all_three(desk: Desk, first: str, second: str, third: str) -> None:
    for who in (first, second, third):
        desk.register(who, NUMBERS.get(who, ""))


@step("these are registered:")
def these(desk: Desk, datatable: list[list[str]]) -> None:
    names, *rows = datatable
    for row in rows:
        desk.register(**dict(zip(names, row, strict=True)))


@when(parsers.re(r"a clerk merges (?P<one>\w) and (?P<other>\w)(?: though (?P<trait>\w+) differs)?"))
def merges(desk: Desk, one: str, other: str, trait: str | None) -> None:
    though = (trait,) if trait else ()
    said = Merge(**pair(desk.known[one], desk.known[other]), reason="papers seen", even_though=though)
    desk.world.ours.execute(said, Envelope(CLERK.actor))
    desk.world.react("matching")


@then(parsers.parse("they are {number:d} persons"))
def persons(desk: Desk, number: int) -> None:
    assert len({*desk.persons()}) == number == len(desk.known)


@then(parsers.re(r"(?P<one>\w) and (?P<other>\w) are one person"))
def one_person(desk: Desk, one: str, other: str) -> None:
    assert len({*desk.world.persons(desk.known[one], desk.known[other])}) == 1


@then(parsers.re(r"(?P<who>\w) is a person apart"))
def apart(desk: Desk, who: str) -> None:
    assert [*desk.persons()].count(desk.world.persons(desk.known[who])[0]) == 1


@then("a clerk is asked about C and A, and about C and E")
def asked_about_both(desk: Desk) -> None:
    waiting = desk.waiting()
    assert {"C", "A"} in waiting
    assert {"C", "E"} in waiting


@then("no rule merged C with anybody")
def no_bridge(desk: Desk) -> None:
    held = desk.world.query("SELECT low::text, high::text FROM identity_index.link WHERE state = 'merged'")
    assert [sides for sides in held if desk.known["C"] in sides] == []


@then(parsers.re(r'a clerk is asked about (?P<one>\w) and (?P<other>\w), and told "(?P<words>.+)"'))
def asked_about(desk: Desk, one: str, other: str, words: str) -> None:
    assert desk.waiting() == [{one, other}]
    assert words in desk.words(one, other)
    (entry,) = desk.entries
    assert words in [trait["words"] for trait in entry["evidence"]["traits"]]


@then("nobody is asked")
def nobody(desk: Desk) -> None:
    assert desk.waiting() == []


@then(parsers.re(r"(?P<one>\w) waits for a clerk as one whose number is in doubt, and (?P<other>\w) does not"))
def doubted(desk: Desk, one: str, other: str) -> None:
    assert desk.waiting() == [{one}]
    assert [(entry["kind"], entry["why"]) for entry in desk.entries] == [("doubtful-number", ["ins_doubtful"])]


@then("a search by that number shows A and E")
def both_found(desk: Desk) -> None:
    found = people_found(desk.world.ours, CLERK, {"ins": matricule("012")})
    assert {row["identity"] for row in found} == {desk.known["A"], desk.known["E"]}


@then(parsers.parse('side by side a clerk is told "{words}"'))
def side_by_side(desk: Desk, words: str) -> None:
    assert words in desk.words("A", "E")


@then(
    parsers.re(
        r"the event of the merge says rule (?P<rule>\w+) of version (?P<version>\d), by (?P<actor>[\w:-]+), "
        r"(?P<score>with a score and a reason|without a score)"
    )
)
def event_says(desk: Desk, rule: str, version: str, actor: str, score: str) -> None:
    said = desk.merged()
    assert (said["rule"], said["rule_version"], said["actor"]) == (rule, int(version), actor)
    assert said["reason"]
    assert {said["low"], said["high"]} == {*desk.known.values()}
    assert (0.9 < said["score"] <= 1.0) if score.startswith("with ") else said["score"] is None


@then(parsers.parse('it says that "{one}", "{two}" and "{three}" were compared'))
def compared(desk: Desk, one: str, two: str, three: str) -> None:
    assert {one, two, three} <= {*desk.merged()["compared"]}


@then(parsers.parse('it says that {trait} differed, and "{reason}" as the reason'))
def differed(desk: Desk, trait: str, reason: str) -> None:
    said = desk.merged()
    assert (said["differing"], said["reason"]) == ([trait], reason)


@then("before the merge each stated what they state now")
def nothing_was_overwritten(desk: Desk) -> None:
    """A merge writes no value: those before it stand in the events of each side, and are shown as they were."""
    events = desk.world.history()
    (merged_at,) = (event.position for event in events if event.type == "link.merged")
    assert [event.type for event in events if event.position > merged_at and event.type.startswith("identity.")] == []
    stated = {event.aggregate_id: event.data["traits"] for event in events if event.type == "identity.registered"}
    shown = dict(desk.world.query("SELECT identity_id::text, traits FROM identity_index.identity"))
    for one in desk.known.values():
        assert {name: shown[one][name] for name in LEA} == {name: stated[one][name] for name in LEA}
