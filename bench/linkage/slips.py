"""What goes wrong between a person and a record: slips of the keyboard, other spellings, dates, fields swapped.

Each slip takes and returns traits as in ``domain.traits``.
"""

from collections.abc import Callable
from random import Random
from string import ascii_uppercase
from typing import Final

from domain.matching.nicknames import GROUPS

Traits = dict[str, str | None]
SHORT_FORMS: Final = {line.split()[0]: line.split()[1:] for line in GROUPS.strip().splitlines()}
SOUNDS: Final = [("PH", "F"), ("TH", "T"), ("Y", "I"), ("C", "K"), ("QU", "K"), ("EAU", "AU"), ("S", "Z"), ("NN", "N")]


def typing(random: Random, text: str) -> str:
    """One letter more, less, other, or two swapped."""
    at = random.randrange(len(text))
    kind = random.randrange(4)
    if kind == 0 and len(text) > 3:
        return text[:at] + text[at + 1 :]
    if kind == 1:
        return text[:at] + random.choice(ascii_uppercase) + text[at:]
    if kind == 2 and at + 1 < len(text):
        return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    return text[:at] + random.choice(ascii_uppercase) + text[at + 1 :]


def _name(random: Random, traits: Traits) -> None:
    field = random.choice(("family", "given"))
    traits[field] = typing(random, traits[field] or "A")


def _by_ear(random: Random, traits: Traits) -> None:
    field = random.choice(("family", "given"))
    text = traits[field] or ""
    fitting = [(old, new) for old, new in SOUNDS if old in text]
    if fitting:
        traits[field] = text.replace(*random.choice(fitting), 1)


def _gaps(random: Random, traits: Traits) -> None:
    for field in ("family", "given"):
        text = traits[field] or ""
        traits[field] = text.replace("-", random.choice((" ", "", "-"))).replace("'", random.choice(("", " ", "'")))


def _swapped(_: Random, traits: Traits) -> None:
    traits["family"], traits["given"] = traits["given"], traits["family"]


def _short_form(random: Random, traits: Traits) -> None:
    if short := SHORT_FORMS.get(traits["given"] or ""):
        traits["given"] = random.choice(short)


def _half_of_a_compound(random: Random, traits: Traits) -> None:
    field = random.choice(("family", "given"))
    traits[field] = (traits[field] or "").split("-")[0] or None


def _digit_of_date(random: Random, traits: Traits) -> None:
    year, month, day = (traits["birth_date"] or "1970-01-01").split("-")
    kind = random.randrange(3)
    if kind == 0:
        year = year[:3] + random.choice("0123456789")
    elif kind == 1:
        month = f"{random.randrange(1, 13):02}"
    else:
        day = f"{random.randrange(1, 29):02}"
    traits["birth_date"] = f"{year}-{month}-{day}"


def _day_and_month(_: Random, traits: Traits) -> None:
    year, month, day = (traits["birth_date"] or "1970-01-01").split("-")
    if int(day) <= 12:
        traits["birth_date"] = f"{year}-{day}-{month}"


def _date_in_part(random: Random, traits: Traits) -> None:
    year, month, _ = (traits["birth_date"] or "1970-01-01").split("-")
    traits["birth_date"] = f"{year}-{random.choice((month, '00'))}-00"


def _first_of_january(_: Random, traits: Traits) -> None:
    traits["birth_date"] = f"{(traits['birth_date'] or '1970')[:4]}-01-01"


def _sex(random: Random, traits: Traits) -> None:
    traits["sex"] = random.choice(("I", "M" if traits["sex"] == "F" else "F"))


def _neighbour_place(random: Random, traits: Traits) -> None:
    if traits["birth_place"]:
        traits["birth_place"] = f"{traits['birth_place'][:2]}{random.randrange(1, 60):03}"


def _zero_for_o(_: Random, traits: Traits) -> None:
    traits["family"] = (traits["family"] or "").replace("O", "0", 1)


def _initial(_: Random, traits: Traits) -> None:
    traits["given"] = (traits["given"] or "")[:1] or None
    traits["first_names"] = None


SLIPS: Final[list[tuple[Callable[[Random, Traits], None], int]]] = [
    (_name, 30),
    (_by_ear, 8),
    (_gaps, 10),
    (_swapped, 5),
    (_short_form, 4),
    (_half_of_a_compound, 6),
    (_digit_of_date, 14),
    (_day_and_month, 5),
    (_date_in_part, 2),
    (_first_of_january, 2),
    (_sex, 5),
    (_neighbour_place, 6),
    (_zero_for_o, 1),
    (_initial, 2),
]
"""Each slip with how often it comes beside the others."""


def slip(random: Random, traits: Traits) -> None:
    """One slip, drawn by how often it comes."""
    act = random.choices([act for act, _ in SLIPS], [weight for _, weight in SLIPS])[0]
    act(random, traits)
