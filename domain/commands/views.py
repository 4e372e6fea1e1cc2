"""Commands that record what operators did to a view: promoted, rolled back, or dropped a version.

They refuse nothing. Which version is promoted or rolled back to determines the rules in force: see
``domain.rules.in_force``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from domain.aggregates.view import View
from domain.rules.document import canonical_json
from domain.work import Work


def _view(work: Work, name: str) -> View:
    return work.find(View, View.create_id(name)) or work.add(View(name))


@dataclass(frozen=True, kw_only=True)
class Promoted:
    """A version was promoted. ``former``: the version readers saw before, None for the first.

    ``rules``: kind to version that the view was built under, 0 for none; ``summary``: counts of the diff by name.
    """

    view: str
    version: int
    former: int | None
    rules: Mapping[str, int] = field(default_factory=dict)
    summary: Mapping[str, Any] = field(default_factory=dict)

    def decide(self, work: Work) -> dict[str, Any]:
        """Record it."""
        summary = canonical_json(dict(self.summary))
        _view(work, self.view).promoted(self.view, self.version, self.former, dict(self.rules), summary)
        return {"view": self.view, "version": self.version}


@dataclass(frozen=True, kw_only=True)
class RolledBack:
    """Readers were switched back to ``version`` from ``former``; ``rules``: those of ``version``, 0 for none."""

    view: str
    version: int
    former: int | None
    rules: Mapping[str, int] = field(default_factory=dict)

    def decide(self, work: Work) -> dict[str, Any]:
        """Record it."""
        _view(work, self.view).rolled_back(self.view, self.version, self.former, dict(self.rules))
        return {"view": self.view, "version": self.version}


@dataclass(frozen=True, kw_only=True)
class Dropped:
    """A version of a view and its tables were removed."""

    view: str
    version: int

    def decide(self, work: Work) -> dict[str, Any]:
        """Record it."""
        _view(work, self.view).dropped(self.view, self.version)
        return {"view": self.view, "version": self.version}
