"""What leads a search for studies to few rows of a region, where nothing else bounds whose they may be.

An establishment may be shown studies of a hundred thousand people. So its search says of whom, which study, or when,
and that is asked a second time in the words of an index; what the conditions find does not change.
"""

import re
from collections.abc import Mapping
from datetime import date, timedelta
from itertools import product
from typing import Any, Final

from domain.matching.folding import words
from domain.matching.names import SHORT
from domain.matching.spellings import LONGEST
from domain.query_keys import BadKey, Between, Kind, OneOf, condition
from krypton.queries.conditions import BORN

DAYS: Final = 31
"""Days of a StudyDate that leads."""
LETTERS: Final = 2
"""Letters with which a name begins that leads."""
MOST_SHORT: Final = 3
"""Words of a name that may be short for others."""
_END: Final = re.compile(r"[\^*?0-9]")
NO_LEAD: Final = (
    "the region is not read for a search: say of whom (PatientID, a PatientName that begins with two letters, a "
    f"PatientBirthDate), which study (StudyInstanceUID, AccessionNumber) or when (a StudyDate of {DAYS} days at most)"
)
Led = tuple[str, dict[str, Any]]


def to_people(keys: Mapping[str, str]) -> Led | None:
    """A condition on ``i`` that an index answers; None: these keys lead to nobody in particular."""
    if isinstance(condition("PatientID", Kind.NUMBER_OF, keys.get("PatientID", "")), OneOf):
        return "true", {}  # the key itself is asked of an index
    born = condition("PatientBirthDate", Kind.DATE, keys.get("PatientBirthDate", ""))
    if isinstance(born, Between) and born.first is not None and born.first == born.last:
        return f"({BORN}) = %(lead_born)s", {"lead_born": _iso(born.first)}
    if len(begins := _begins(keys.get("PatientName", ""))) >= LETTERS:
        spelt = {f"lead_{number}": f"{spelling}%" for number, spelling in enumerate(_spelt(begins))}
        any_of = " OR ".join(f"f.spelling LIKE %({name})s" for name in spelt)
        return f"i.identity_id IN (SELECT f.identity_id FROM identity_index.family_name f WHERE {any_of})", spelt
    return None


def to_studies(keys: Mapping[str, str]) -> Led | None:
    """A condition on ``s`` that an index answers; None: these keys lead to no studies in particular."""
    if isinstance(condition("StudyInstanceUID", Kind.UID, keys.get("StudyInstanceUID", "")), OneOf):
        return "true", {}
    if isinstance(condition("AccessionNumber", Kind.NUMBER_OF, keys.get("AccessionNumber", "")), OneOf):
        return "true", {}
    made = condition("StudyDate", Kind.DATE, keys.get("StudyDate", ""))
    if not isinstance(made, Between) or made.first is None or made.last is None:
        return None
    first, last = _iso(made.first), _iso(made.last)
    if not _few(first, last):
        return None
    text = 's.started_at COLLATE "C" BETWEEN %(lead_first)s AND %(lead_last)s'
    return text, {"lead_first": first, "lead_last": f"{last}~"}  # after every time of that day


def _few(first: str, last: str) -> bool:
    try:
        return date.fromisoformat(last) - date.fromisoformat(first) < timedelta(DAYS)
    except ValueError:
        raise BadKey("StudyDate: there is no such day") from None


def _iso(day: str) -> str:
    return f"{day[:4]}-{day[4:6]}-{day[6:]}"


def _begins(name: str) -> str:
    """The letters, without gaps, with which a family name begins that a key means; as far as spellings keep them."""
    said = _END.split(name, maxsplit=1)[0]
    return "".join(words(said))[:LONGEST]


def _spelt(begins: str) -> list[str]:
    """How such a name may begin as it is stored: with a word that is short for another written out."""
    shorts = sorted(SHORT, key=len)  # ST before STE, whose E stays
    parts = re.split(f"({'|'.join(shorts[:2])})", begins, maxsplit=MOST_SHORT)
    ways = [(part, SHORT[part]) if part in SHORT else (part,) for part in parts]
    return ["".join(way)[:LONGEST] for way in product(*ways)]
