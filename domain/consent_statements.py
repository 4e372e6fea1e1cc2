"""What a person says of sharing: statements, what they refuse or leave out, and until when.

The rules (C) are those of ``domain.aggregates.consent``.
Source: IHE PCF (consent that expires, or leaves out an author, a document, a period).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple
from uuid import UUID

from domain.errors import BadLimit

EVERYONE: Final = "everyone"
"""The party of an opposition to all."""
EXCLUSION: Final = re.compile(r"author:rpps:\d{11}|study:[0-9.]{1,64}|period:\d{4}-\d\d-\d\d/\d{4}-\d\d-\d\d")


class Scope(StrEnum):
    """What an opposition refuses."""

    FEED = "feed"
    CONSULT = "consult"


class Said(StrEnum):
    """The person's position on consultation by one party: three states, because no answer is not a yes or a no."""

    YES = "yes"
    NO = "no"
    NOT_COLLECTED = "not_collected"


class Origin(NamedTuple):
    """The statement that another one was carried over from, and for which identity it was said."""

    identity_id: UUID
    statement_id: UUID


@dataclass(frozen=True)
class Statement:
    """A statement in force. ``expires_at``: µs since 1970, UTC; None: until taken back. ``carried``: where from, as an
    identity was split (I18).
    """

    id: UUID
    expires_at: int | None = None
    exclusions: tuple[str, ...] = ()
    carried: Origin | None = None

    def holds(self, now: int) -> bool:
        """Whether it has not expired at ``now`` (µs)."""
        return self.expires_at is None or now < self.expires_at


def refuse_limits(expires_at: int | None, exclusions: Sequence[str], now: int) -> None:
    """Raises BadLimit (C5): of a consent that would end before it starts, or leaves out what is not named so."""
    if expires_at is not None and expires_at <= now:
        raise BadLimit("the consent would end before it starts: give an end in the future, or none")
    if bad := [one for one in exclusions if not EXCLUSION.fullmatch(one)]:
        raise BadLimit(
            f"{len(bad)} exclusions are not of the form author:rpps:…, study:<uid> or period:YYYY-MM-DD/YYYY-MM-DD"
        )
