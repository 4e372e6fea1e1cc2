"""What each device of an establishment gives, in groups of which nobody can be known: counts, quartiles, outliers.

Exposures are grouped by device, act, population, a child's weight, quantity and phantom; without an act, by what the
device calls the protocol. Acts are those of the mapping in force on the day. Where no beginning is asked for, exposures
are those of the last year that is known; where no end is, they end with this month, for one of a day to come has a
wrong date. Figures of fewer than five persons are not told (``domain.dose_practice``), to nobody: who may read about
persons asks about them by name.
"""

import hmac
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache
from hashlib import sha256
from typing import Any, Final

from domain.dose_acts import DoseActs
from domain.dose_levels import ReferenceLevels
from domain.dose_practice import LEAST, whole_months
from domain.errors import NotFound
from krypton.bootstrap import Krypton
from krypton.queries.census_groups import IDENTITY, Census, Document, aged
from krypton.queries.region import beside

PERIOD: Final = timedelta(days=365)
"""Where nobody asks for another: the law asks for a comparison each year."""
CODE_DIGITS: Final = 6


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is asked: a site, and one of its devices or all; days, whose whole months are the period. None: nobody
    asks for that bound.
    """

    site: str
    device: str | None = None
    since: str | None = None
    until: str | None = None


def practice_of(ours: Krypton, asked: Asked) -> Document:
    """The ``dose device`` document. Raises NotFound: no such establishment, or no such device of it."""
    from domain.commands.directory import is_enrolled
    from projections.identity_index.grouping import birth_dates_of, persons_of

    if not is_enrolled(ours.ledger.work([]), asked.site):
        raise NotFound(f"no establishment {asked.site}: krypton site list shows their codes")
    rules = ours.ledger.rules()
    today = ours.ledger.clock().date()
    acts, levels = rules.acts(today), rules.levels(today)
    with ours.snapshot() as connection:
        found = told_of(
            connection,
            asked,
            acts,
            levels,
            lambda identities: persons_of(connection, identities),
            _codes(ours),
            today,
            lambda identities: birth_dates_of(connection, identities, ours.vault.destroyed),
        )
        return beside(connection, found, acts.version, levels.version, ours.settings.region_age_s)


def told_of(
    connection: Any,
    asked: Asked,
    acts: DoseActs,
    levels: ReferenceLevels,
    persons_of: Callable[[Collection[str]], Mapping[str, str]],
    code: Callable[[str], str],
    today: date,
    born_of: Callable[[Collection[str]], Mapping[str, str]] = lambda _: {},
) -> Document:
    """The document, under these rules. ``persons_of``: identity to person, where it is another's; ``code``: of an
    operator; ``born_of``: identity to birth date, where one is known.
    ``too_small``: of fewer than ``least`` persons, of whom only the count is told; ``undated``: how many exposures are
    of no day that is known, and so in no period. Raises NotFound.
    """
    from projections.dose_practice import queries

    known, without = queries.devices(connection, asked.site), queries.undated(connection, asked.site)
    if asked.device is not None and asked.device not in [one["device"] for one in known]:
        raise NotFound("no such device of the establishment: krypton dose device SITE lists its devices")
    asked = _bounded(asked, known, today)
    _, end = whole_months(None, asked.until or today.isoformat())
    rows = aged(queries.practised(connection, **{**vars(asked), "until": end}), born_of)
    of = Census(acts, levels, asked.site, persons_of({row[IDENTITY] for row in rows}))
    return {
        **vars(asked),
        "least": LEAST,
        "levels": levels.version,
        "devices": known,
        "undated": sum(one["exposures"] for one in without if asked.device in (None, one["device"])),
        "exposures": len(rows),
        "persons": len(of.persons(rows)),
        **of.told(rows, code),
    }


def _bounded(asked: Asked, known: Iterable[Mapping[str, Any]], today: date) -> Asked:
    """Of whole months, with a beginning: where none is asked for, ``PERIOD`` before the last day that is asked for, or
    known.

    A device whose clock is ahead does not hide the others: no day after today is the last.
    """
    since, until = whole_months(asked.since, asked.until)
    if since is not None:
        return replace(asked, since=since, until=until)
    days = [one["last"] for one in known if one["last"] and asked.device in (None, one["device"])]
    last = min(max(days, default=today.isoformat()), asked.until or today.isoformat(), today.isoformat())
    first = (max(date.fromisoformat(last), date.min + PERIOD) - PERIOD).isoformat()
    return replace(asked, since=whole_months(first, None)[0], until=until)


def _codes(ours: Krypton) -> Callable[[str], str]:
    """An operator's code: the same each time, and no way back to the name without the region's secret."""
    from adapters.vault.derived import Purpose

    key = ours.secret(Purpose.OPERATOR_CODES)

    @cache
    def code(operator: str) -> str:
        name = " ".join(operator.split()).casefold()
        return hmac.new(key, name.encode(), sha256).hexdigest()[:CODE_DIGITS]

    return code
