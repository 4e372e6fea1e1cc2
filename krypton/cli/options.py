"""Command line options shared by many commands."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, overload
from uuid import UUID

import typer

from krypton.cli.given import line


class Sex(StrEnum):
    """As INS writes it."""

    M = "M"
    F = "F"
    I = "I"  # noqa: E741  the field's own code: indeterminate


AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
CommandId = Annotated[
    UUID | None,
    typer.Option("--command-id", help="A uuid, the idempotency key: repeating one returns the stored answer."),
]
Reason = Annotated[str, typer.Option("--reason", callback=line, help="Why; kept sealed. - reads it.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=1_000, help="How many at most.")]
BirthDate = Annotated[
    str | None,
    typer.Option(
        "--birth-date", callback=line, help="YYYY-MM-DD; 00 for a day, or a month and day, that is not known."
    ),
]
BirthPlace = Annotated[str | None, typer.Option("--birth-place", callback=line, help="INSEE code.")]
SexOf = Annotated[Sex | None, typer.Option("--sex", help="I is indeterminate.")]
OwnSite = Annotated[str | None, typer.Option("--site", help="One's own establishment, where one has several.")]
Ref = Annotated[
    str,
    typer.Argument(
        callback=line,
        help="ASSIGNER|LOCAL_ID, an identity's or a person's uuid, or INS|matricule; - reads a line of standard input.",
    ),
]


@overload
def utc(moment: datetime) -> datetime: ...
@overload
def utc(moment: None) -> None: ...
def utc(moment: datetime | None) -> datetime | None:
    """A time as typed, in UTC: one without a zone is UTC already."""
    if moment is None or moment.tzinfo is None:
        return moment and moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC)
