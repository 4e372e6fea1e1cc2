"""What a hospital's own system asks of identities: which other numbers are a patient's, and who may be meant.

Both pass the gate, and are recorded before they are answered. Views only help to find candidates: who is one person,
and what is known of them, is answered from the event store, so that what was said a moment ago counts. Nobody erased is
in an answer, nor a number that several people bear: it would lead to the wrong one.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from domain.actors import Caller
from domain.aggregates.identity import Identity
from domain.commands.bearers import bearer
from domain.commands.directory import is_enrolled
from domain.errors import AlreadyRegistered, NotFound
from domain.identity_status import Status
from domain.ins import qualified
from domain.work import Work
from krypton.bootstrap import Krypton
from krypton.queries.gate import permit
from krypton.queries.worklists import listed

MOST: Final = 100
"""Identities that may meet the criteria; where more do, nobody is shown."""
NOBODY: Final = "nobody bears that number here: check it, or announce the patient first"
RELIABLE: Final = (Status.QUAL, Status.VALI, Status.RECUP, Status.PROV)

Document = dict[str, Any]


class TooMany(Exception):
    """More people meet the criteria than are shown."""


@dataclass(frozen=True)
class Found:
    """People who may be meant. ``total``: how many there are on all pages; ``left``: how many come after these."""

    people: list[Document]
    total: int
    left: int


def numbers_of(ours: Krypton, caller: Caller, assigner: str, number: str, wanted: Collection[str] = ()) -> Document:
    """The other numbers of who bears this one: ``numbers`` of establishments by code, ``ins`` by OID.

    ``assigner``: a code, or an OID of INS; ``wanted``: of these alone, where there are any. Raises NotFound,
    AlreadyRegistered (I2): several people bear it; BadTraits (I1); and as ``permit`` does.
    """
    work = Work(ours.ledger)
    asked = _bearer(ours, work, assigner, number)
    limits = [f"{'authority' if one in ours.ledger.authorities.names else 'site'}={one}" for one in wanted]
    allowed = permit(ours, caller, "identity.cross-reference", str(asked.id), asked=limits)
    found = _people(ours, work, [allowed.members], wanted)
    return {
        name: [one for person in found for one in person[name] if one != [assigner, number]]
        for name in ("numbers", "ins")
    }


def people_like(
    ours: Krypton,
    caller: Caller,
    criteria: Mapping[str, str],
    *,
    wanted: Collection[str] = (),
    after: int = 0,
    limit: int = MOST,
) -> Found:
    """Who meets all criteria, each person once, in the order of ``position``; of them a page that begins ``after`` one.

    ``criteria``: as ``projections.identity_index.search`` has them; ``wanted``: numbers of these assigners alone, and
    nobody who has none. Raises TooMany, which is on record as a list of nobody; and as ``listed`` does.
    """
    from projections.identity_index.search import some_of

    people: list[Document] = []
    met: dict[str, int] = {}

    def find(connection: Any, _: str | None) -> list[Document]:
        met.update(some_of(connection, criteria, MOST + 1))
        if len(met) <= MOST:
            people.extend(_in_order(ours, met, wanted))
        return [person for person in people if person["position"] > after][:limit]

    asked = [f"by={name}" for name in sorted(criteria)]
    shown = listed(ours, caller, "identity.demographics", find, lambda row: row["identities"], asked=asked)
    if len(met) > MOST:
        raise TooMany(f"more than {MOST} identities fit: say more of the person, such as the birth date")
    return Found(shown, len(people), sum(person["position"] > after for person in people) - len(shown))


def _in_order(ours: Krypton, met: Mapping[str, int], wanted: Collection[str]) -> list[Document]:
    """The people that these identities are, each with the position of its first; without those who show no number."""
    membership = ours.ledger.membership()
    membership.load(met)
    persons = {frozenset(membership.person_of(one)) for one in met}
    found = _people(ours, Work(ours.ledger), persons, wanted)
    for person in found:
        person["position"] = min(met[one] for one in person["members"] if one in met)
    return sorted((one for one in found if one["numbers"] or one["ins"]), key=lambda one: int(one["position"]))


def _people(ours: Krypton, work: Work, persons: Iterable[Collection[str]], wanted: Collection[str]) -> list[Document]:
    """Each of these persons who is not erased: traits of the most reliable identity, numbers of all."""
    persons = [*persons]
    everybody = sorted({one for person in persons for one in person})
    gone = ours.vault.destroyed(everybody)
    loaded = ours.ledger.load([UUID(one) for one in everybody])
    known = {str(one): held for one, held in loaded.items() if isinstance(held, Identity)}
    living = {one: held for one, held in known.items() if not held.erased and held.readable and one not in gone}
    numbers = _numbers(work, living.values())
    found = ([living[one] for one in sorted(person) if one in living] for person in persons)
    documents = ((ids, sorted(person)) for ids, person in zip(found, persons, strict=True) if ids)
    return [_person(_best(ours, ids), ids, members, numbers, wanted) for ids, members in documents]


def _best(ours: Krypton, identities: Sequence[Identity]) -> Identity:
    """The most reliable one; of several, the one that was registered first."""
    status = min((one.status for one in identities), key=RELIABLE.index)
    alike = {one.id: one for one in identities if one.status is status}
    if len(alike) == 1:
        return next(iter(alike.values()))
    registered = ours.ledger.log.positions_of(alike)
    return alike[min(registered, key=registered.__getitem__)]


def _person(
    best: Identity,
    identities: Sequence[Identity],
    members: Sequence[str],
    numbers: Mapping[UUID, str],
    wanted: Collection[str],
) -> Document:
    own = sorted([one.assigner, numbers[one.id]] for one in identities if one.id in numbers)
    ins = sorted({one.ins for one in identities if one.ins and one.status is Status.QUAL})
    return {
        "members": members,
        "identities": [str(one.id) for one in identities],
        "traits": dict(best.traits),
        "status": str(best.status),
        "flags": sorted({flag for one in identities for flag in one.flags}),
        "numbers": [one for one in own if not wanted or one[0] in wanted],
        "ins": [one.split("|") for one in ins if not wanted or one.split("|")[0] in wanted],
    }


def _numbers(work: Work, identities: Iterable[Identity]) -> dict[UUID, str]:
    """The number of each that bears one of an establishment's, and bears it alone."""
    identities = [*identities]
    said = {(one.assigner, one.local_id) for one in identities}
    work.fetch(Identity.create_id(work.ids, *number, ordinal) for number in said for ordinal in (1, 2))
    return {one.id: one.local_id for one in identities if _bears_alone(work, one)}


def _bears_alone(work: Work, identity: Identity) -> bool:
    if not is_enrolled(work, identity.assigner):
        return False
    try:
        return bearer(work, identity.assigner, identity.local_id).id == identity.id
    except (AlreadyRegistered, NotFound):
        return False


def _bearer(ours: Krypton, work: Work, assigner: str, number: str) -> Identity:
    """Raises NotFound, AlreadyRegistered (I2), BadTraits (I1)."""
    if assigner in ours.ledger.authorities.names:
        return _insured(ours, assigner, "".join(number.split()).upper())
    try:
        found = bearer(work, assigner, number)
    except NotFound:
        raise NotFound(NOBODY) from None
    if ours.vault.destroyed([str(found.id)]):  # erased a moment ago
        raise NotFound(NOBODY)
    return found


def _insured(ours: Krypton, oid: str, matricule: str) -> Identity:
    """Who has a matricule under a qualified identity. Raises NotFound, AlreadyRegistered (I2)."""
    from projections.identity_index.search import some_of

    with ours.snapshot() as connection:
        found = some_of(connection, {"ins": matricule, "ins_oid": oid, "status": Status.QUAL}, MOST)
    gone = ours.vault.destroyed(found)
    carry = [one for one in ours.ledger.load([UUID(one) for one in found]).values() if isinstance(one, Identity)]
    living = [one for one in carry if str(one.id) not in gone and _is_of(one, qualified(matricule, oid))]
    if not living:
        raise NotFound(NOBODY)
    membership = ours.ledger.membership()
    if not {str(one.id) for one in living} <= membership.person_of(str(living[0].id)):
        raise AlreadyRegistered("several people have that matricule: a clerk tells them apart, krypton identity show")
    return living[0]


def _is_of(identity: Identity, ins: str | None) -> bool:
    return identity.status is Status.QUAL and identity.ins == ins and not identity.erased
