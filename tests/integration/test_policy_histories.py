"""The policy ``matching`` under any history: senders that are late, doubled or killed end where a fresh lookup would.

People register and are corrected, humans merge, part and bar them, rules are replaced, and all the while the index lags
and several senders take turns, are killed, and ask again what was asked before. A history is drawn by its seed.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import pytest

from domain.commands.identities import AttachIns, ClearFlag, Correct, DetachIns
from domain.commands.links import Bar, Dismiss, Merge, Unbar, Unmerge
from domain.errors import NotFound, RuleBroken
from domain.held import HUMAN
from domain.ins import qualified
from domain.matching.pair import tiers, weighed
from domain.matching.record import record
from domain.matching.tier import Tier
from domain.membership import Membership
from domain.rules.document import MATCHING, build
from domain.rules.matching import MatchingRules
from domain.worklist import INS_REPLACED
from krypton.policies import at_once
from krypton.policies import looker as looker_module
from krypton.policies.untold import untold
from krypton.services import policies
from krypton.views import promote
from projections.identity_index.decided import Due
from projections.identity_index.due import clusters_of, due
from schemas.event import LedgerEvent
from tests.fakes.erasing import Erase
from tests.fakes.views import pair
from tests.fakes.weighing import TEST_OID, matricule
from tests.integration.policy_world import INDEX, PolicyWorld, made
from tests.integration.ruled_world import regions_decided

pytestmark = [pytest.mark.live, pytest.mark.fault]
STEPS = 60
SAID = (Merge, Unmerge, Unmerge, Dismiss, Bar, Unbar)
KILLED_AT = (None, None, None, "claimed", "looked", "executed", "noted")
FEW: dict[str, tuple[str | None, ...]] = {
    "family": ("FICTIVE", "FICTIVE", "FICTIVES", "MARTIN"),
    "given": ("Alex", "Alex", "Lea", "Alexe"),
    "birth_date": ("1970-01-02", "1970-01-02", "1970-01-03"),
    "sex": ("F", "F", "F", "M"),
    "birth_place": ("33063", "33063", "75056", ""),
    "used_name": (None, None, None, "MARTIN"),
    "first_names": (None, None, "Alex Lea"),
}
PARTS, LATER = ("link.unmerged", "link.dismissed"), 3_600_000_000


class Killed(BaseException):
    """Stands for a kill -9: nothing handles it."""


class History:
    """One history, as the dice say."""

    def __init__(self, world: PolicyWorld, seed: int) -> None:
        self.world = world
        self.dice = Random(seed)
        self.people: list[str] = []
        self.kill_at: str | None = None
        self.senders = [policies.sender(world.ours, "matching", self._step) for _ in range(2)]
        self.looker = policies.looker(world.ours, "matching", self._step)
        self.version = 1

    def _step(self, name: str) -> None:
        """Killed, or overtaken: what is said while commands are claimed makes some of them late."""
        if name == self.kill_at:
            raise Killed
        asked = self.world.outbox("body", "state = 'waiting' AND kind = 'command'") if name == "claimed" else []
        for (body,) in asked:
            if self.dice.random() < 0.5:
                self.ask(Correct(identity=UUID(body["one"]), stated=self.stated(), reason="typing error"))

    def run(self) -> None:
        """All steps, and then whatever is left to do."""
        steps: tuple[Callable[[], object], ...] = (
            *(self.register,) * 3,
            *(self.correct,) * 3,
            *(self.human,) * 3,
            self.number,
            *(self.read,) * 3,
            *(lambda: self.world.fold("matching"),) * 3,
            *(self.send,) * 3,
            *(self.look_ahead,) * 3,
            *(self.keep_up,) * 9,
            self.delay,
            self.repeat,
        )
        replaced = self.dice.randrange(STEPS // 3, STEPS)
        for number in range(STEPS):
            self.dice.choice(steps)()
            if number == replaced:
                self.replace()
        self.world.query("UPDATE policies.outbox SET try_at = due_at WHERE state = 'waiting'")
        self.world.work(INDEX)
        promote.settle(self.world.ours)
        self.world.react("matching")

    def register(self) -> None:
        self.people.append(self.world.register("CHA", f"P{len(self.people)}", **self.stated()))

    def stated(self) -> dict[str, str]:
        """One of few people, of whom the birth place is known or not."""
        return {"birth_date": f"1970-01-0{self.dice.randint(2, 3)}", "birth_place": self.dice.choice(("33063", ""))}

    def correct(self) -> None:
        if self.people:
            one = UUID(self.dice.choice(self.people))
            self.ask(Correct(identity=one, stated=self.stated(), reason="typing error"))

    def number(self) -> None:
        """All are one person, so they have one number; it is attached to one of them, or taken off."""
        if self.people:
            one = UUID(self.dice.choice(self.people))
            self.ask(AttachIns(identity=one, matricule=matricule(), oid=TEST_OID))
            if self.dice.random() < 0.3:
                self.ask(DetachIns(identity=one, reason="of somebody else"))

    def human(self) -> None:
        if len(self.people) > 1:
            self.ask(self.dice.choice(SAID)(**pair(*self.dice.sample(self.people, 2)), reason="looked at"))

    def ask(self, command: Any) -> None:
        with suppress(RuleBroken, NotFound):
            self.world.ask(command)

    def read(self) -> None:
        """The index reads on, and not always to the end."""
        upto = self.world.head() if self.dice.random() < 0.6 else self.dice.randint(0, self.world.head())
        for (view, _), store in self.world.stores.items():
            if view == INDEX:
                store.apply([r for r in self.world.records(INDEX) if int(dict(r.headers)["position"]) <= upto])

    def keep_up(self) -> None:
        """Somebody new or corrected is looked up at once, as on most days."""
        self.dice.choice((self.register, self.correct))()
        self.world.work(INDEX)
        self.world.fold("matching")
        self.send()

    def send(self) -> None:
        """One of two senders takes its turn, and may be killed: then another one is in its place."""
        place, self.kill_at = self.dice.randrange(2), self.dice.choice(KILLED_AT)
        try:
            for _ in range(2):  # a new one learns first where the index is
                self.senders[place].once()
        except Killed:
            self.senders[place] = policies.sender(self.world.ours, "matching", self._step)
        self.kill_at = None

    def look_ahead(self) -> None:
        """Lookups are made before the commands of the last ones are executed."""
        self.kill_at = None
        self.looker.once()

    def delay(self) -> None:
        """A command fails, and is tried again later."""
        self._change(
            f"try_at = try_at + {LATER}, attempts = attempts + 1, error = 'KeyError'",
            "state = 'waiting' AND kind = 'command'",
        )

    def repeat(self) -> None:
        """What was answered is asked again, as by a sender that did not note it."""
        self._change("state = 'waiting'", "state IN ('done', 'refused') AND kind = 'command'")

    def _change(self, what: str, where: str) -> None:
        found = self.world.outbox("id::text", where)
        if found:
            self.world.query(f"UPDATE policies.outbox SET {what} WHERE id = %s", self.dice.choice(found)[0])

    def replace(self) -> None:
        """Other rules come into force: no human is asked any more."""
        self.version += 1
        self.world.matching(self.version, review_bits=6)
        self.world.promote(INDEX, self.world.build(INDEX, matching=self.version))


class Crowd(History):
    """Few names and days of birth, twins and numbers of two people among them; humans merge whomever, so that persons
    are large and hold people who have nothing in common.
    """

    def stated(self) -> dict[str, str]:
        """One of few people, or of their twins, with slips."""
        drawn = {name: self.dice.choice(values) for name, values in FEW.items()}
        return {name: value for name, value in drawn.items() if value is not None}

    def number(self) -> None:
        if self.people:
            one = UUID(self.dice.choice(self.people))
            self.ask(AttachIns(identity=one, matricule=matricule(self.dice.choice(("001", "002"))), oid=TEST_OID))
            if self.dice.random() < 0.3:
                self.ask(DetachIns(identity=one, reason="of somebody else"))
            if self.dice.random() < 0.3:
                self.ask(ClearFlag(identity=one, flag=INS_REPLACED, reason="INSi knows it"))

    def changed(self) -> str:
        """Somebody who is new now, corrected, or has another number."""
        before = self.world.head()
        while self.world.head() == before:
            self.dice.choice((self.register, self.correct, self.number))()
        return self.world.history(before)[0].aggregate_id

    def human(self) -> None:
        """Most often whomever with whomever; now and then somebody is erased."""
        if self.dice.random() < 0.1 and self.people:
            self.ask(Erase(identity=UUID(self.dice.choice(self.people)), reason="error: file 1"))
        if len(self.people) > 1:
            said, both = self.dice.choice(SAID), pair(*self.dice.sample(self.people, 2))
            if self.dice.random() < 0.5:
                self.ask(Merge(**both, reason="looked at", even_though=("sex", "birth_date")))
            else:
                self.ask(said(**both, reason="looked at"))


class Import(Crowd):
    """Newcomers wait for each other: lookups are a backlog, and the region is decided at once."""

    def keep_up(self) -> None:
        """More come than are looked up; now and then all the others are answered at once."""
        for _ in range(3):
            self.dice.choice((self.register, self.register, self.correct))()
        self.world.work(INDEX)
        self.world.fold("matching")
        if self.dice.random() < 0.4:
            self.look_ahead()

    def look_ahead(self) -> None:
        """A first lookup, and then all the others at once."""
        for _ in range(3):
            super().look_ahead()


@pytest.fixture
def world(installed_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PolicyWorld]:
    world = made(installed_url, tmp_path, monkeypatch)
    world.in_force()
    yield world
    world.close()


@pytest.mark.parametrize(("kind", "seed"), [(kind, seed) for kind in (History, Crowd) for seed in range(3)])
def test_any_history_ends_as_a_fresh_lookup_would_have_it(world: PolicyWorld, kind: type[History], seed: int) -> None:
    history = kind(world, seed)
    history.run()
    with world.ours.snapshot() as connection:
        found = due(connection, f"{INDEX}_v{history.version + 1}")
    assert (found.merges, found.proposals, found.unmerges) == ([], [], [])
    assert world.outbox("does, state", "state IN ('waiting', 'parked')") == []
    _assert_each_was_right_when_stored(world.history())


@pytest.mark.parametrize("seed", range(3))
def test_a_history_of_backlogs_answered_at_once_ends_there_too(
    world: PolicyWorld, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Whenever two wait, the whole region is decided, however late the index is."""
    monkeypatch.setattr(at_once, "LEAST", 2)
    monkeypatch.setattr(at_once, "MUCH", 3)
    monkeypatch.setattr(at_once, "AGAIN_MOST_S", 0.0)
    monkeypatch.setattr(looker_module, "AT_A_TIME", 1)
    decided = regions_decided(monkeypatch)
    history = Import(world, seed)
    history.run()
    assert len(decided) > 2
    with world.ours.snapshot() as connection:
        found = due(connection, f"{INDEX}_v{history.version + 1}")
    assert (found.merges, found.proposals, found.unmerges) == ([], [], [])
    assert world.outbox("does, state", "state IN ('waiting', 'parked')") == []
    _assert_each_was_right_when_stored(world.history())


@pytest.mark.parametrize("seed", range(2))
def test_what_is_due_after_one_changed_is_what_a_decision_of_all_says(world: PolicyWorld, seed: int) -> None:
    """Nobody else's pairs are weighed for it, save those that a rule may merge."""
    crowd = Crowd(world, seed)
    compared = 0
    for _ in range(STEPS):
        crowd.dice.choice((crowd.register, crowd.register, crowd.human))()
        world.react("matching")
        one = crowd.changed()
        world.work(INDEX)
        with world.ours.snapshot() as connection:
            schema = f"{INDEX}_v2"
            near = clusters_of(connection, schema, [one])[one]
            told = untold(connection, schema, world.ours.ledger, [one])
            found = due(connection, schema, within=near, fresh={one}, untold=told)
            whole = due(connection, schema)
        assert _persons(found) == _persons(whole)
        compared += bool(len(whole))
    assert compared > STEPS // 4


def _persons(found: Due) -> tuple[set[Any], set[Any], set[Any]]:
    """What would be merged and taken back, and which persons a human would be asked about."""
    merges, unmerges = ({decision[:3] for decision in those} for those in (found.merges, found.unmerges))
    return merges, unmerges, {frozenset(found.would_be[side] for side in asked[:2]) for asked in found.proposals}


def _assert_each_was_right_when_stored(events: list[LedgerEvent]) -> None:
    """What rules said, against what the ledger held at that position."""
    traits: dict[str, Any] = {}
    numbers: dict[str, str | None] = {}
    replaced: set[str] = set()
    persons, word, rules = Membership(), dict[tuple[str, str], str](), MatchingRules()
    published: dict[int, MatchingRules] = {}
    for event in events:
        data = event.data
        if event.type in ("identity.registered", "identity.traits_corrected"):
            traits[event.aggregate_id] = data["traits"]
        elif event.type in ("identity.ins_attached", "identity.ins_detached"):
            numbers[event.aggregate_id] = qualified(data.get("matricule"), data.get("oid"))
        elif event.type in ("identity.flagged", "identity.flag_cleared") and data["flag"] == INS_REPLACED:
            (replaced.add if event.type == "identity.flagged" else replaced.discard)(event.aggregate_id)
        elif event.type == "rules.published":
            published[data["version"]] = build(MATCHING, data["version"], data["body"])  # type: ignore[assignment]
        elif event.type == "view.promoted":
            rules = published[data["rules"][MATCHING]]
        elif event.type.startswith("link."):
            both = data["low"], data["high"]
            if event.type in ("link.merged", "link.review_requested", "link.unmerged") and data["rule"] != HUMAN:
                low, high = (record(traits[one], numbers.get(one), replaced=one in replaced) for one in both)
                assert rules.model
                held = tiers(low, high, weighed(low, high, rules.model), rules.model)
                _assert_right(event, held, rules)
            apart = [p for p, said in word.items() if said in PARTS and p[1] not in persons.person_of(p[0])]
            persons.apply(event.type, event.position, data)
            if data.get("rule", HUMAN) != HUMAN:
                joined = [p for p in apart if p[1] in persons.person_of(p[0])]
                assert event.type != "link.merged" or not joined
            elif event.type in (*PARTS, "link.merged", "link.review_requested"):
                word[both] = event.type


def _assert_right(event: LedgerEvent, held: Collection[Tier], rules: MatchingRules) -> None:
    """Of the pair alone: its neighbours may part it all the same, but not two of one number."""
    assert event.data["rule_version"] == rules.version
    if event.type == "link.unmerged":
        assert Tier.SURE not in held
    else:
        assert event.data["rule"] in held
