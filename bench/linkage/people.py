"""A fictitious French population: families at one address, twins, marriages, homonyms, numbers; the truth of a bench.

The same seed gives the same people. Nobody is real: names are drawn by chance, numbers are under the test authority.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import accumulate
from random import Random
from typing import Final

from bench.linkage.french_names import MEN, WOMEN, family_names
from domain.ins import key_of

TODAY: Final = date(2026, 1, 1)
TEST_AUTHORITY: Final = "1.2.250.1.213.1.4.10"
TWINS, HOMONYMS = 0.012, 0.001
"""Of births, those that are of twins; of people, those with another of the same names and birth date."""
COMPOUND, DOUBLE, FOREIGN = 0.08, 0.03, 0.09
FAMILIES: Final = 6_000
"""Family names in a region of some ten thousand people."""


@dataclass(frozen=True, slots=True)
class Person:
    """One fictitious person, as the civil record has them."""

    family: str
    given: str
    first_names: str
    birth: date
    sex: str
    place: str
    number: str
    """15 characters."""
    used_name: str | None
    twin: int | None
    parent: int | None
    """Places in the population."""


class Drawn:
    """Draws values of which few are common and many rare: the n-th has a share of about 1/n."""

    def __init__(self, random: Random, values: Sequence[str], flat: float = 4.0, steep: float = 0.9) -> None:
        self._random, self._values = random, values
        self._weights = list(accumulate(1.0 / (place + flat) ** steep for place in range(len(values))))

    def __call__(self) -> str:
        """One of the values."""
        return self._random.choices(self._values, cum_weights=self._weights)[0]


class Births:
    """Draws names, dates, places and numbers of one population."""

    def __init__(self, random: Random, families: int) -> None:
        self.random = random
        self.family = Drawn(random, family_names(families))
        self.given = {"M": Drawn(random, MEN.split()), "F": Drawn(random, WOMEN.split())}
        here = [
            f"{department}{commune:03}" for commune in range(1, 60) for department in ("33", "40", "64", "24", "47")
        ]
        away = [
            "75112",
            "69385",
            "13208",
            "2A004",
            "2B033",
            "31555",
            "44109",
            "59350",
            "67482",
            "87085",
            "17300",
            "16015",
        ]
        self.here = Drawn(random, here, 1.0, 1.1)
        self.away, self.abroad = Drawn(random, away), Drawn(random, ["99352", "99350", "99139", "99109", "99351"])
        self._orders: dict[str, int] = {}

    def given_name(self, sex: str) -> str:
        """One given name, of which some are compound."""
        first = self.given[sex]()
        if self.random.random() < COMPOUND:
            first = f"{'JEAN' if sex == 'M' else self.random.choice(('MARIE', 'ANNE'))}-{self.given[sex]()}"
        return first

    def day(self) -> date:
        """From a newborn to a hundred years, fewer of the old."""
        age = min(self.random.triangular(0, 100, 35), 99.9)
        return TODAY - timedelta(days=1 + int(age * 365.25))

    def place(self) -> str:
        """Of ten people seven were born in the region."""
        drawn = self.random.random()
        return self.abroad() if drawn < FOREIGN else self.away() if drawn < 0.3 else self.here()

    def number(self, sex: str, birth: date, place: str) -> str:
        """The next number of that sex, month and place."""
        stem = f"{'1' if sex == 'M' else '2'}{birth.year % 100:02}{birth.month:02}{place}"
        self._orders[stem] = order = self._orders.get(stem, self.random.randrange(1, 400)) + 1
        thirteen = f"{stem}{order % 1000:03}"
        return f"{thirteen}{key_of(thirteen):02}"

    def born(self, family: str, birth: date, place: str, sex: str | None = None, parent: int | None = None) -> Person:
        """A person of that family, day and place."""
        sex = sex or self.random.choice("MF")
        first = self.given_name(sex)
        listed = [first, *(self.given_name(sex) for _ in range(self.random.choice((0, 1, 1, 2, 2, 3))))]
        number = self.number(sex, birth, place)
        return Person(family, first, " ".join(listed), birth, sex, place, number, None, None, parent)


def population(size: int, seed: int = 14, families: int = FAMILIES) -> list[Person]:
    """So many people, in households; the same for the same seed. ``families``: how many names they have."""
    births = Births(Random(seed), families)
    people: list[Person] = []
    while len(people) < size:
        people.extend(_household(births, len(people)))
    people = people[:size]
    people = [replace(p, twin=None) if p.twin is not None and p.twin >= size else p for p in people]
    people.extend(_homonyms(births, people))
    return people


def _household(births: Births, at: int) -> Iterator[Person]:
    """One or two adults and the children of the first; married women have a used name."""
    random = births.random
    family = births.family()
    if random.random() < DOUBLE:
        family = f"{family}-{births.family()}"
    first = births.born(family, births.day(), births.place())
    yield first
    grown = TODAY.year - first.birth.year >= 20
    if not grown or random.random() < 0.35:
        return
    other = births.born(births.family(), first.birth + timedelta(days=random.randrange(-2_000, 2_000)), births.place())
    if other.birth >= TODAY:
        return
    married = random.random() < 0.6 and other.sex == "F" and first.sex == "M"
    yield replace(other, used_name=first.family) if married else other
    children = random.choice((0, 0, 1, 1, 2, 2, 3))
    place, count = births.place(), 2
    for _ in range(children):
        birth = first.birth + timedelta(days=random.randrange(20 * 365, 40 * 365))
        if birth >= TODAY:
            return
        twins = random.random() < TWINS * 2
        child = births.born(first.family, birth, place, parent=at)
        yield replace(child, twin=at + count + 1) if twins else child
        count += 1
        if twins:
            sex = child.sex if random.random() < 0.65 else None
            sibling = births.born(first.family, birth, place, sex, parent=at)
            while sibling.given == child.given:
                sibling = births.born(first.family, birth, place, sex, parent=at)
            yield replace(sibling, twin=at + count - 1)
            count += 1


def _homonyms(births: Births, people: Sequence[Person]) -> Iterator[Person]:
    """Others with the names, sex and birth date of someone, most of them born elsewhere."""
    for person in births.random.sample(people, round(len(people) * HOMONYMS)):
        place = births.place() if births.random.random() < 0.8 else person.place
        number = births.number(person.sex, person.birth, place)
        listed = f"{person.given} {births.given_name(person.sex)}"
        yield replace(person, first_names=listed, place=place, number=number, used_name=None, twin=None, parent=None)
