"""Computes what one reader may see of a person's record: without excluded and withheld items.

The consent excludes some items; what arrived while an opposition to feeding stood is withheld: only the establishments
that took part in making it see it, until the opposition is lifted. A study includes all its parts.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date
from enum import IntEnum

EVERYONE = "everyone"


class Seen(IntEnum):
    """How much of a row of a list its reader sees, from most to least (X18)."""

    WHOLE = 0
    UNNAMED = 1
    """Not who it is about: ids, and what was written where the reader acts from."""
    WITHHELD = 2
    """Nor anything clinical."""


@dataclass(frozen=True)
class Exclusions:
    """What a consent excludes: studies by UID, authors by RPPS number, periods of days, both ends included."""

    studies: frozenset[str] = frozenset()
    authors: frozenset[str] = frozenset()
    periods: tuple[tuple[str, str], ...] = ()

    @staticmethod
    def of(stated: Iterable[str]) -> "Exclusions":
        """As ``consent.granted`` writes them: ``study:<uid>``, ``author:rpps:<number>``, ``period:<day>/<day>``."""
        found: dict[str, list[str]] = {"study": [], "author": [], "period": []}
        for exclusion in stated:
            kind, _, what = exclusion.partition(":")
            found[kind].append(what)
        return Exclusions(
            frozenset(found["study"]),
            frozenset(author.removeprefix("rpps:") for author in found["author"]),
            tuple((period.partition("/")[0], period.partition("/")[2]) for period in found["period"]),
        )

    def study(self, study_uid: str | None, started_at: str | None) -> bool:
        """Whether a study is excluded. ``started_at``: ISO 8601. What is not known of it excludes it: a study without
        a UID by any study, one without a whole date by any period.
        """
        named = bool(self.studies) if study_uid is None else study_uid in self.studies
        return named or (bool(self.periods) and self._in_a_period((started_at or "")[:10]))

    def _in_a_period(self, day: str) -> bool:
        try:
            day = date.fromisoformat(day).isoformat()
        except ValueError:
            return True
        return any(first <= day <= last for first, last in self.periods)

    def author(self, rpps: str | None) -> bool:
        """Whether this professional's documents are excluded."""
        return rpps in self.authors


@dataclass(frozen=True)
class Opposition:
    """To feeding, since a ledger position. ``party``: ``everyone``, ``site:<code>`` or ``rpps:<number>``."""

    position: int
    party: str

    def met_by(self, arrived: int, sites: Collection[str], author: str | None) -> bool:
        """Whether it withholds what arrived at this position, from these establishments, written by that
        professional.
        """
        parties = {EVERYONE, f"rpps:{author}", *(f"site:{site}" for site in sites)}
        return arrived > self.position and self.party in parties


@dataclass(frozen=True)
class Sight:
    """What one reader sees. ``site``: the establishment acted from; ``counts``: whether they may know how much is
    withheld.
    """

    exclusions: Exclusions = field(default_factory=Exclusions)
    oppositions: tuple[Opposition, ...] = ()
    site: str | None = None
    counts: bool = False

    def withholds(self, arrived: int | None, sites: Iterable[str | None], author: str | None = None) -> bool:
        """Whether an opposition to feeding withholds this from the reader. ``sites``: those that took part in making
        it.
        """
        made_at = {site for site in sites if site}
        if arrived is None or self.site in made_at:
            return False
        return any(one.met_by(arrived, made_at, author) for one in self.oppositions)

    def withheld(self, number: int) -> dict[str, int]:
        """The number withheld, if the reader may know it."""
        return {"withheld": number} if self.counts else {}


ALL = Sight()
"""Nothing is excluded: for internal use, not for readers."""
