"""Everybody of one version of the index, in columns: a fraction of the memory that comparable records take.

Places are those of the identities in the order of their ids. ``parts``: of each kind of key whoever may share one.
``pairs``: those to decide, one after the other. What is found to belong together is noted, and given out in batches of
whole groups.
"""

import json
from array import array
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple
from uuid import UUID

from psycopg2.extensions import connection as Connection

from domain.ins import qualified
from domain.matching.birth_dates import Born, born
from domain.matching.keys import YEAR, parts
from domain.matching.numbers import Number, number
from domain.matching.record import Record, record
from domain.traits import TRAITS
from projections.engine.query import fetch
from projections.identity_index.identity_rows import NO_TRAITS
from projections.identity_index.neighbourhood import REPLACED, Known

TOLD: Final = "NOT i.erased AND i.traits NOT IN ('null', '{{}}', %(none)s::jsonb)"
COUNT: Final = f'SELECT count(*) AS known FROM "{{s}}".identity i WHERE {TOLD}'
EVERYBODY: Final = f"""
SELECT uuid_send(i.identity_id), uuid_send(coalesce(n.person_id, i.identity_id)), uuid_send(n.cluster_id),
       i.registered_position, i.traits->>'birth_date', i.ins, i.ins_oid,
       jsonb_build_array(i.ins, i.ins_oid, {REPLACED}, {", ".join(f"i.traits->'{name}'" for name in TRAITS)})::text
FROM "{{s}}".identity i LEFT JOIN "{{s}}".node n USING (identity_id) WHERE {TOLD} ORDER BY i.identity_id
"""
PAGE: Final = 10_000
ID: Final = 16
"""Bytes of a uuid."""
TOGETHER: Final = 5_000
"""Identities that are decided at once, or one group, where it has more."""
Part = tuple[str, str]
Pairs = list[tuple[int, int]]


class Stated(NamedTuple):
    """One identity, as it is sent to another process."""

    identity: bytes
    person: bytes
    registered: int
    traits: bytes

    def record(self) -> Record:
        """What matching compares."""
        ins, oid, replaced, *traits = json.loads(self.traits.decode())
        return record(dict(zip(TRAITS, traits, strict=True)), qualified(ins, oid), replaced=replaced)

    def known(self) -> Known:
        """As the neighbourhood has it."""
        identity = str(UUID(bytes=self.identity))
        person = identity if self.person == self.identity else str(UUID(bytes=self.person))
        return Known(identity, self.registered, person, self.record())


class Region:
    """See the module."""

    def __init__(self) -> None:
        self.parts: dict[Part, array[int]] = {}
        self._identities, self._persons = bytearray(), bytearray()
        self._registered = array("q")
        self._traits: list[bytes] = []
        self._above = array("I")  # of each place one of its group before it; of the group's first, itself
        self.pairs = array("I")
        self._clusters: dict[bytes, int] = {}  # each by the first of it

    def __len__(self) -> int:
        return len(self._traits)

    def stated(self, places: Sequence[int]) -> list[Stated]:
        """Those at these places."""
        return [
            Stated(self._id(self._identities, at), self._id(self._persons, at), self._registered[at], self._traits[at])
            for at in places
        ]

    def add(
        self,
        identity: bytes,
        person: bytes,
        cluster: bytes | None,
        registered: int,
        birth_date: str | None,
        ins: str | None,
        ins_oid: str | None,
        traits: str,
    ) -> None:
        """The next identity, as ``EVERYBODY`` tells it. Whom statements connect are decided together."""
        place = len(self)
        self._identities += identity
        self._persons += person
        self._registered.append(registered)
        self._traits.append(traits.encode())
        self._above.append(place)
        for part in self._in(born(birth_date), number(qualified(ins, ins_oid), None, None, None)).items():
            self.parts.setdefault(part, array("I")).append(place)
        if cluster is not None:
            self.join(place, self._clusters.setdefault(bytes(cluster), place))

    @staticmethod
    def _in(birth: Born | None, number: Number | None) -> dict[str, str]:
        """Of each kind the part. Of whoever has keys at all the year is looked at, known or not."""
        found = dict(parts(birth, number))
        return found and {YEAR: "", **found}

    def join(self, one: int, other: int) -> None:
        """The two are decided together."""
        low, high = sorted((self._first(one), self._first(other)))
        self._above[high] = low

    def compare(self, one: int, other: int) -> None:
        """A decision may rest on the two; a pair may be named again."""
        self.join(one, other)
        self.pairs.extend((one, other))

    def as_they_came(self, places: Sequence[int]) -> "array[int]":
        """By places among these."""
        registered = [self._registered[place] for place in places]
        return array("I", sorted(range(len(places)), key=registered.__getitem__))

    def batches(self) -> Iterator[tuple[Sequence[int], Pairs]]:
        """Places that are decided together, with the pairs among them by their places in the batch."""
        self._clusters.clear()
        batch, members = self._members()
        pairs = [array("I") for _ in members]
        for one, other in two_by_two(self.pairs):
            pairs[batch[self._first(one)]].extend((one, other))
        self.pairs = array("I")
        for places, inside in zip(members, pairs, strict=True):
            at = {place: number for number, place in enumerate(places)}
            yield places, sorted({(at[one], at[other]) for one, other in two_by_two(inside)})

    def _members(self) -> tuple["array[int]", "list[array[int]]"]:
        """The batch of each group, by its first place, and the places of each batch; of one alone nothing is due."""
        sizes, batch = array("I", bytes(4 * len(self))), array("i", [-1]) * len(self)
        for place in range(len(self)):
            sizes[self._first(place)] += 1
        members: list[array[int]] = []
        room = 0
        for place in range(len(self)):
            first = self._first(place)
            if sizes[first] == 1:
                continue
            if first == place:
                if room <= 0:
                    members.append(array("I"))
                    room = TOGETHER
                batch[first] = len(members) - 1
                room -= sizes[first]
            members[batch[first]].append(place)
        return batch, members

    def _first(self, place: int) -> int:
        """The first place of its group."""
        above = self._above
        while above[place] != place:
            above[place] = above[above[place]]
            place = above[place]
        return place

    @staticmethod
    def _id(column: bytearray, place: int) -> bytes:
        return bytes(column[place * ID : (place + 1) * ID])


def read(connection: Connection, schema: str, reach: Callable[[int, int], None]) -> Region:
    """All whose traits can be read. ``reach``: told how many of how many."""
    told = {"none": json.dumps(NO_TRAITS)}
    total = fetch(connection, COUNT.format(s=schema), **told)[0]["known"]
    region = Region()
    with connection.cursor() as cursor:  # all of it is read: the first rows need not come soon
        cursor.execute("SET LOCAL jit = off; SET LOCAL cursor_tuple_fraction = 1")
    with connection.cursor("everybody") as cursor:  # of the server: its rows come page by page
        cursor.itersize = PAGE
        cursor.execute(EVERYBODY.format(s=schema), told)
        for row in cursor:
            region.add(*row)
            if not len(region) % PAGE:
                reach(len(region), total)
    return region


def two_by_two(flat: "array[int]") -> Iterator[tuple[int, int]]:
    """Pairs that stand one after the other."""
    each = iter(flat)
    return zip(each, each, strict=True)
