"""Commands that take apart an identity which holds two people, and take that back.

Each is one unit of work: whoever is stopped in the middle has written nothing, and asks again.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from domain.aggregates.identity import Identity
from domain.aggregates.order import Order
from domain.aggregates.study import Study
from domain.commands.bearers import of_number
from domain.commands.care import theirs
from domain.commands.split_statements import carry_over, end, refuse_if_it_ruled
from domain.commands.studies import move, move_doses
from domain.errors import NothingToSplit, NothingToUndo, SamePerson, SplitStands
from domain.ids import Ids
from domain.same_number import can_be_one_person
from domain.split_off import SPLIT, SplitOff
from domain.traits import received_traits, traits
from domain.work import Work
from domain.worklist import MAY_BE_MIXED, NUMBER_OF_TWO


@dataclass(frozen=True, kw_only=True)
class Split:
    """Give studies and orders of an identity to a new one under the same number, flagged ``collision``; doses follow
    their studies. What the answer has under ``for_both`` protects both from then on, until a human says whose it is.

    ``stated``: what is known of the other person; nothing at first, maybe. ``UndoSplit`` takes it back.
    """

    identity: UUID
    studies: tuple[UUID, ...] = ()
    orders: tuple[UUID, ...] = ()
    reason: str
    stated: Mapping[str, str | None] = field(default_factory=dict)

    def touches(self, ids: Ids) -> tuple[UUID, ...]:
        """The identity, the studies and the orders."""
        return self.identity, *self.studies, *self.orders

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises NothingToSplit (I14), SamePerson (I15), BadTraits (I1), Erased (I7), KeyMissing (K1), NotFound."""
        mixed = work.get(Identity, self.identity)
        mixed.refuse_if_erased()
        studies = [work.get(Study, study) for study in dict.fromkeys(self.studies)]
        orders = [work.get(Order, order) for order in dict.fromkeys(self.orders)]
        _refuse_if_not_of(mixed, studies, orders)
        other = self._registered(work, mixed)
        for study in studies:
            move(work, study, other.id, self.reason)
        for order in orders:
            order.reassign(to_identity_id=other.id, reason=self.reason)
        flags = [one for one in MAY_BE_MIXED if one in mixed.flags]
        for flag in flags:
            mixed.clear_flag(flag=flag, reason=self.reason)
        both = carry_over(work, mixed, other, self.reason)
        split = SplitOff(mixed.id, _ids(studies), _ids(orders), tuple(flags), both.flags, both.marked)
        other.split_off(split=split, reason=self.reason)
        return {**_told(mixed, other, studies, orders), "for_both": both.told}

    def _registered(self, work: Work, mixed: Identity) -> Identity:
        mixed.refuse_if_unreadable()
        stated = traits(work.now, **self.stated) if self.stated else received_traits(work.now)
        if self.stated and can_be_one_person(mixed.traits, stated):
            raise SamePerson(
                f"what is stated of the other person may be said of identity {mixed.id}, too: correct that one first, "
                "or state what tells the two apart"
            )
        ordinal = len([*_bearing(work, mixed)]) + 1
        new_id = Identity.create_id(work.ids, mixed.assigner, mixed.local_id, ordinal)
        other = work.add(Identity(new_id, mixed.assigner, mixed.local_id, ordinal, stated, SPLIT))
        other.flag(flag=NUMBER_OF_TWO, reason=self.reason)
        return other


@dataclass(frozen=True, kw_only=True)
class UndoSplit:
    """Take a split back: what it moved is the first identity's again. ``identity``: the one that was split off.

    Later statements stand: what was moved on since stays where it is, and what came in under the new identity stays
    with that one.
    """

    identity: UUID
    reason: str

    def touches(self, ids: Ids) -> tuple[UUID, ...]:
        """The identity."""
        return (self.identity,)

    def decide(self, work: Work) -> dict[str, Any]:
        """The answer names what was moved on, what the new identity ``keeps``, and what ``ended`` that stood for both.

        Raises NothingToUndo (I16), SplitStands (I17), Erased (I7), KeyMissing (K1), NotFound.
        """
        other = work.get(Identity, self.identity)
        split = _standing(work, other)
        mixed = work.get(Identity, split.from_identity)
        for side in (other, mixed):
            side.refuse_if_erased()
            side.refuse_if_unreadable()
        _refuse_if_relied_on(work, mixed, other)
        studies, orders = _to_give_back(work, split, other)
        for study in studies:
            study.give_back(to_identity_id=mixed.id, reason=self.reason)
            move_doses(work, study)
        for order in orders:
            order.reassign(to_identity_id=mixed.id, reason=self.reason)
        keeps = [str(one.id) for one in theirs(work, other.id)]
        self._flag(mixed, other, split, emptied=not keeps)
        ended = [] if keeps else end(work, mixed, other, split, self.reason)
        if not keeps:
            self._forget(work, other)
        other.undo_split(emptied=not keeps, reason=self.reason)
        moved_on = [str(one.id) for one in _moved_on(work, split, mixed, other)]
        return {**_told(mixed, other, studies, orders), "moved_on": moved_on, "keeps": keeps, "ended": ended}

    def _forget(self, work: Work, nobody: Identity) -> None:
        """There was no other person: what was stated of them would be taken for somebody else's."""
        if any(nobody.traits.values()):
            nobody.correct(traits=received_traits(work.now), reason=self.reason)
        if nobody.has_ins:
            nobody.detach_ins(reason=self.reason)

    def _flag(self, mixed: Identity, other: Identity, split: SplitOff, *, emptied: bool) -> None:
        """As before the split; but two people stay under one number where the new identity keeps something."""
        if emptied and NUMBER_OF_TWO in other.flags:
            other.clear_flag(flag=NUMBER_OF_TWO, reason=self.reason)
        for flag in split.flags:
            if flag not in mixed.flags:
                mixed.flag(flag=flag, reason=self.reason)


def _refuse_if_not_of(mixed: Identity, studies: list[Study], orders: list[Order]) -> None:
    if not (studies or orders):
        raise NothingToSplit("no study or order is named: krypton identity split REF lists those of the identity")
    for study in studies:
        if study.identity_id != mixed.id:
            raise NothingToSplit(f"study {study.id} is not of identity {mixed.id}: name its own studies alone")
    for order in orders:
        if order.identity_id != mixed.id:
            raise NothingToSplit(f"order {order.id} is not of identity {mixed.id}: name its own orders alone")


def _standing(work: Work, other: Identity) -> SplitOff:
    """The split to take back. Where the identity that held two people is named, the refusal names who was split off."""
    if other.split is None and (gone := [*_split_off(work, other)]):
        raise NothingToUndo(f"name the identity that was split off {other.id}: {' or '.join(gone)}")
    return other.standing_split()


def _split_off(work: Work, mixed: Identity) -> Iterator[str]:
    """Who was split off an identity, is not erased, and not taken back."""
    for one in _bearing(work, mixed):
        if one.split and one.split.from_identity == mixed.id and not (one.split_undone or one.erased):
            yield str(one.id)


def _bearing(work: Work, identity: Identity) -> Iterator[Identity]:
    """All who bear the number of an identity, itself included."""
    return of_number(work, identity.assigner, identity.local_id)


def _refuse_if_relied_on(work: Work, mixed: Identity, other: Identity) -> None:
    """Raises SplitStands (I17)."""
    sides = str(mixed.id), str(other.id)
    work.membership.load(sides)
    first, second = (work.membership.person_of(side) for side in sides)
    if thirds := sorted(second - first - {sides[1]}):
        raise SplitStands(f"identity {other.id} is one person with {thirds[0]} by now: unmerge the two first")
    if bar := work.membership.bar_between(*sides):
        raise SplitStands(f"{bar[0]} and {bar[1]} are barred from each other: lift the bar first")
    if again := next(_split_off(work, other), None):
        raise SplitStands(f"identity {other.id} was split, too: take the split of {again} back first")
    work.rests_on(mixed.id)
    refuse_if_it_ruled(work, mixed, other)


def _to_give_back(work: Work, split: SplitOff, other: Identity) -> tuple[list[Study], list[Order]]:
    """What the split moved and is where it put it; but an order whose exam came in there stays with that exam."""
    work.fetch((*split.studies, *split.orders))
    studies = [work.get(Study, study) for study in split.studies]
    orders = [work.get(Order, order) for order in split.orders]
    mine = [order for order in orders if order.identity_id == other.id and not _made_of(work, order, other)]
    return [study for study in studies if study.identity_id == other.id], mine


def _made_of(work: Work, order: Order, other: Identity) -> bool:
    """Whether an exam of the order came in under the new identity."""
    made = (work.find(Study, Study.create_id(work.ids, other.id, uid)) for uid in order.studies)
    return any(study is not None and study.identity_id == other.id for study in made)


def _moved_on(work: Work, split: SplitOff, mixed: Identity, other: Identity) -> Iterator[Study | Order]:
    """What the split moved, and is neither of the two any more."""
    moved: list[Study | Order] = [
        *(work.get(Study, one) for one in split.studies),
        *(work.get(Order, one) for one in split.orders),
    ]
    return (one for one in moved if one.identity_id not in (mixed.id, other.id))


def _ids(moved: Iterable[Study | Order]) -> tuple[UUID, ...]:
    return tuple(one.id for one in moved)


def _told(mixed: Identity, other: Identity, studies: Iterable[Study], orders: Iterable[Order]) -> dict[str, Any]:
    return {
        "identity": str(mixed.id),
        "other": str(other.id),
        "studies": [str(study.id) for study in studies],
        "orders": [str(order.id) for order in orders],
    }
