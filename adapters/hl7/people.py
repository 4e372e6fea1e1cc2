"""What queries are answered from: the index of people, as far as a query needs it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Number:
    """A number of a patient. ``assigner``: the code of an establishment, or an OID of INS."""

    assigner: str
    text: str


@dataclass(frozen=True)
class Person:
    """Somebody who may be meant. ``status``, ``flags``: of ``domain.identity_status``, ``domain.identity_flags``."""

    numbers: tuple[Number, ...]
    traits: Mapping[str, str | None]
    status: str
    flags: Collection[str] = ()


@dataclass(frozen=True)
class Page:
    """Some of those who are found. ``total``: how many there are; ``left``: after these; ``place``: of the last."""

    people: tuple[Person, ...]
    total: int
    left: int = 0
    place: int = 0


class TooMany(Exception):
    """More people fit than are shown. The text says what to do."""


class Index(Protocol):
    """Answers once it is on record who asked: ``application`` of ``site``. Nobody erased is in an answer."""

    def assigner(self, name: str, oid: str) -> str | None:
        """The assigner of a name and an OID, each empty where it is not said; None: not known here, or two."""

    def numbers(self, application: str, site: str, of: Number, wanted: tuple[str, ...]) -> tuple[Number, ...]:
        """The other numbers of who bears this one, grouped by assigner. ``wanted``: of these alone, if any.

        Raises NotFound, and RuleBroken where several people bear it.
        """

    def people(
        self,
        application: str,
        site: str,
        criteria: Mapping[str, str],
        wanted: tuple[str, ...],
        after: int,
        limit: int | None,
    ) -> Page:
        """Who fits, from the place ``after`` which a page ended. Raises TooMany, RuleBroken."""
