"""How a view is declared: ``VIEW`` in its package says its name, its rules and where its parts are.

All that has to know every view reads it there (``projections.declared``): wiring, comparisons, decisions newly due,
documents and the import contracts. A part is imported when it is used, so that a command which asks only the ledger
loads no view.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection

    from projections.engine.projection import Projection
    from projections.engine.shape import Shapes

Document = dict[str, Any]
Tell = Callable[[str, int, int], None]
"""What is being done, how many of it are done, and of how many."""
Keep = Callable[[Any], None]
"""Is given what the candidate's rules call for (``FindDue``), where it was worked out to be counted."""


class Meaning(Protocol):
    """How a view's differences are told. ``live`` and ``candidate`` are the PostgreSQL schemas of the versions;
    ``tell`` is told how far it is.
    """

    def counts(self, connection: "Connection", live: str, candidate: str, tell: Tell, keep: Keep) -> Document:
        """Numbers, under one name each."""

    def page(
        self, connection: "Connection", live: str, candidate: str, offset: int, limit: int, tell: Tell
    ) -> list[Document]:
        """One document per difference, in a stable order."""


class FindDue(Protocol):
    """What is due in the schema of a version; ``tell`` is told how far it is."""

    def __call__(self, connection: "Connection", schema: str, *, tell: Tell) -> Any: ...


@dataclass(frozen=True, kw_only=True)
class View:
    """One view. Parts are written ``module:name``, modules by their name within ``projections.<name>``.

    ``kinds``: of the rules that it is made with, in the order in which ``projection`` takes rule sets; without any, it
    takes those that need no publishing. ``queries``: the modules that answer from its rows. ``difference``: what a
    difference between two versions means beyond rows; ``told_by``: kinds of the rules of the day that it is told by.
    ``told_by_birth``: whether it is told by birth dates too, which another view knows.
    ``due``: what its rules call for and nobody has decided.
    ``rest_s``: for how many seconds its worker fetches no more after few events, so that more are applied together.
    """

    name: str
    projection: str
    kinds: tuple[str, ...] = ()
    queries: tuple[str, ...]
    difference: str | None = None
    told_by: tuple[str, ...] = ()
    told_by_birth: bool = False
    due: str | None = None
    rest_s: float = 0.0

    @property
    def package(self) -> str:
        """The view's package."""
        return f"projections.{self.name}"

    def make(self, *rules: Any) -> "Projection":
        """The projection, made with one rule set per kind, or with those that need no publishing."""
        return cast("Projection", self._part(self.projection)(*rules))

    def shapes(self) -> "Shapes":
        """The shapes of its tables."""
        return cast("Shapes", self._part("shape:SHAPES"))

    def meaning(self, *known: Any) -> Meaning | None:
        """What a difference means; None where rows tell all. ``known``: one rule set per kind of ``told_by``, and where
        it is ``told_by_birth`` what tells birth dates; or nothing.
        """
        return None if self.difference is None else cast(Meaning, self._part(self.difference)(*known))

    def find_due(self) -> "FindDue | None":
        """What asks a version's schema for decisions newly due; None where the view's rules decide nothing."""
        return None if self.due is None else cast(FindDue, self._part(self.due))

    def query_modules(self) -> Sequence[str]:
        """The full names of ``queries``."""
        return [f"{self.package}.{module}" for module in self.queries]

    def _part(self, where: str) -> Any:
        module, _, name = where.partition(":")
        return getattr(import_module(f"{self.package}.{module}"), name)
