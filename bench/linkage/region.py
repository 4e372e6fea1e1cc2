"""Local identities of a fictitious population: 2.2 records a person, each with what its assigner knew and mistook.

The truth is ``owner``: the place of the person in the population, or below 0 where a record says nothing. The engine is
never shown it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from bench.linkage.people import FAMILIES, TEST_AUTHORITY, TODAY, Person, population
from bench.linkage.slips import Traits, slip
from domain.ins import qualified

PLACE_KNOWN, LIST_KNOWN, USED_KNOWN, NUMBER_KNOWN = 0.85, 0.45, 0.6, 0.62
MARRIED_ALONE: Final = 0.10
"""Of a married woman's records, those whose family name is the used one."""
ERRORS: Final = 0.08
AGAIN: Final = 0.15
"""Of records with one slip, those with another."""
PARENTS_NUMBER, TWINS_NAME, PLACEHOLDERS, NEWBORN = 0.06, 0.01, 0.003, 0.3
CHILD_YEARS: Final = 16


@dataclass(frozen=True, slots=True)
class Local:
    """One record, and whose it is."""

    owner: int
    traits: Traits
    ins: str | None


def region(people: int = 50_000, seed: int = 14, errors: float = ERRORS, families: int = FAMILIES) -> list[Local]:
    """The records of so many people, in a random order; the same for the same seed. ``families``: see
    ``people.population``.
    """
    everybody = population(people, seed, families)
    random = Random(seed + 1)
    found = [
        _record(random, everybody, owner, errors) for owner in range(len(everybody)) for _ in range(_how_many(random))
    ]
    random.shuffle(found)
    return found


def _how_many(random: Random) -> int:
    """1 to 8, 2.2 in the mean."""
    count = 1
    while count < 8 and random.random() < 0.55:
        count += 1
    return count


def _record(random: Random, everybody: Sequence[Person], owner: int, errors: float) -> Local:
    person = everybody[owner]
    traits: Traits = {
        "family": person.family,
        "given": person.given,
        "birth_date": person.birth.isoformat(),
        "sex": person.sex,
        "birth_place": person.place if random.random() < PLACE_KNOWN else None,
        "used_name": person.used_name if random.random() < USED_KNOWN else None,
        "first_names": person.first_names if random.random() < LIST_KNOWN else None,
    }
    matricule = person.number if random.random() < NUMBER_KNOWN else None
    if matricule and person.parent is not None and _years(person) < CHILD_YEARS and random.random() < PARENTS_NUMBER:
        matricule = everybody[person.parent].number
    _written_otherwise(random, person, traits)
    if person.twin is not None and random.random() < TWINS_NAME:
        traits["given"], traits["first_names"] = everybody[person.twin].given, None
    if random.random() < PLACEHOLDERS:
        return _of_nobody(random, traits)
    if random.random() < errors:
        slip(random, traits)
        if random.random() < AGAIN:
            slip(random, traits)
    return Local(owner, traits, qualified(matricule, TEST_AUTHORITY))


def _of_nobody(random: Random, traits: Traits) -> Local:
    """A record that says nothing: no engine can know whose it is, so it is somebody of its own, and must stay alone."""
    nothing = {"family": "INCONNU", "given": "X", "birth_date": "1900-01-01", "birth_place": "99999"}
    return Local(-1 - random.getrandbits(60), {**traits, **nothing, "first_names": None, "used_name": None}, None)


def _years(person: Person) -> int:
    return (TODAY - person.birth).days // 365


def _written_otherwise(random: Random, person: Person, traits: Traits) -> None:
    """What is no slip: a married name alone or in the same field, BÉBÉ for a newborn, capitals and accents."""
    if person.used_name and random.random() < MARRIED_ALONE:
        traits["family"], traits["used_name"] = person.used_name, None
    elif person.used_name and random.random() < 0.05:
        traits["family"], traits["used_name"] = f"{person.family} EP {person.used_name}", None
    if _years(person) < 1 and random.random() < NEWBORN:
        traits["given"], traits["first_names"] = "BÉBÉ", None
    if random.random() < 0.3:
        traits["family"] = (traits["family"] or "").title()
        traits["given"] = (traits["given"] or "").replace("-", " ").capitalize()
