"""Each identity of a region at a glance: its sketch, and its keys of the kinds by which others meet it later.

A record is built and read once, where those of one birth year are compared. Who shares another kind of key is found by
numbers alone; most of these pairs are known by then.
"""

from array import array
from collections.abc import Sequence
from itertools import islice
from typing import Final, NamedTuple

from domain.matching.candidates import Came
from domain.matching.keys import DECADE_AND_DAY, MONTH_AND_DAY, NUMBER, keys_of
from domain.matching.record import Record
from domain.matching.sketches import sketch

LATER: Final = {NUMBER: 1, MONTH_AND_DAY: 3, DECADE_AND_DAY: 2}
"""The kinds, and how many keys of each a record has at most."""
WIDTH: Final = 1 + sum(LATER.values())
STARTS: Final = {kind: 1 + sum(islice(LATER.values(), at)) for at, kind in enumerate(LATER)}
NO_KEY: Final = 0


class Glances:
    """Those of so many identities, by their places."""

    def __init__(self, many: int) -> None:
        self._column = array("q", bytes(8 * WIDTH * many))

    def put(self, places: Sequence[int], glances: "array[int]") -> None:
        """``glances``: of these, one after the other (``glance``)."""
        for at, place in enumerate(places):
            self._column[place * WIDTH : (place + 1) * WIDTH] = glances[at * WIDTH : (at + 1) * WIDTH]

    def of(self, kind: str, places: Sequence[int], order: "array[int]") -> "Sharing":
        """What is to be known of these to find candidates. ``order``: see ``Sharing``."""
        column, first, most = self._column, STARTS[kind], LATER[kind]
        keys = array("q")
        for start in (place * WIDTH + first for place in places):
            keys.extend(column[start : start + most])
        return Sharing(order, array("q", (column[place * WIDTH] for place in places)), keys)


class Sharing(NamedTuple):
    """Identities of which some share a key. ``order``: in which they came, by their places among these; ``keys``: an
    equal number of each, one after the other.
    """

    order: "array[int]"
    sketches: "array[int]"
    keys: "array[int]"

    def pairs(self) -> "array[int]":
        """Those that are worth comparing, each once, the lower place first: one after the other."""
        came, most = Came(), len(self.keys) // max(len(self.sketches), 1)
        found = array("I")
        for place in self.order:
            keys = {key for key in self.keys[place * most : (place + 1) * most] if key != NO_KEY}
            for other in came.next(place, self.sketches[place], keys):
                found.extend((other, place) if other < place else (place, other))
        return found


def glance(record: Record) -> list[int]:
    """One record's numbers."""
    told = [sketch(record)]
    for kind, most in LATER.items():
        keys = keys_of(kind, record)
        told += [*keys, *[NO_KEY] * (most - len(keys))]
    return told
