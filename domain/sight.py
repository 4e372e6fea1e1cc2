"""What of a person's record one reader sees: without what the consent leaves out, and what came in against an
opposition to feeding.

A study goes with all that belongs to it. What came in while an opposition to feeding stood is kept for the
establishments that took part in making it, and shown to everybody once the opposition is lifted.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

EVERYONE = "everyone"


@dataclass(frozen=True)
class Exclusions:
    """What a consent leaves out: studies by UID, authors by RPPS number, periods from a day to a day, both included."""

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

    def study(self, study_uid: str, date: str | None) -> bool:
        """Whether a study is left out. ``date``: when it began, ISO 8601; unknown: no period holds it."""
        day = (date or "")[:10]
        return study_uid in self.studies or bool(day and any(first <= day <= last for first, last in self.periods))

    def author(self, rpps: str | None) -> bool:
        """Whether what this professional wrote is left out."""
        return rpps in self.authors


@dataclass(frozen=True)
class Opposition:
    """To feeding, since a ledger position. ``party``: ``everyone``, ``site:<code>`` or ``rpps:<number>``."""

    position: int
    party: str

    def met_by(self, arrived: int, sites: Collection[str], author: str | None) -> bool:
        """Whether it keeps back what arrived at a position, from these establishments, written by that professional."""
        parties = {EVERYONE, f"rpps:{author}", *(f"site:{site}" for site in sites)}
        return arrived > self.position and self.party in parties


@dataclass(frozen=True)
class Sight:
    """One reader's. ``site``: the establishment acted from; ``counts``: whether they may know how much is withheld."""

    exclusions: Exclusions = field(default_factory=Exclusions)
    oppositions: tuple[Opposition, ...] = ()
    site: str | None = None
    counts: bool = False

    def withholds(self, arrived: int | None, sites: Iterable[str | None], author: str | None = None) -> bool:
        """Whether an opposition to feeding keeps this from the reader. ``sites``: that took part in making it."""
        made_at = {site for site in sites if site}
        if arrived is None or self.site in made_at:
            return False
        return any(one.met_by(arrived, made_at, author) for one in self.oppositions)

    def withheld(self, number: int) -> dict[str, int]:
        """The count, for an answer, where the reader may know it."""
        return {"withheld": number} if self.counts else {}


ALL = Sight()
"""Nothing is left out: for what is no reader's."""
