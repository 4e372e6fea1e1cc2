"""How what waits on the worklist is named: a pair by its link or by two references, one identity by its own."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

import typer

from domain.aggregates.link import Link
from domain.commands.reviews import Alone, Pair
from domain.errors import NotFound
from domain.worklist import COLLISION, DOUBTFUL_NUMBER
from krypton.bootstrap import Krypton
from krypton.cli.given import line


class OfOne(StrEnum):
    """For what one identity waits by itself."""

    COLLISION = COLLISION
    DOUBTFUL_NUMBER = DOUBTFUL_NUMBER


One = Annotated[str, typer.Argument(callback=line, metavar="PAIR", help="A link's uuid, or a REF; - reads a line.")]
Other = Annotated[
    str | None,
    typer.Argument(callback=line, metavar="OTHER", help="The other REF, where PAIR is one; - reads a line."),
]
What = Annotated[
    str,
    typer.Argument(
        callback=line, metavar="WHAT", help="A link's uuid, or a REF: of one that waits alone, or the first of a pair."
    ),
]
OtherOf = Annotated[
    str | None,
    typer.Argument(callback=line, metavar="OTHER", help="The other REF of a pair; - reads a line."),
]
WaitsAs = Annotated[OfOne | None, typer.Option("--kind", help="Where one identity waits for two things, for which.")]


def sides(ours: Krypton, one: str, other: str | None) -> tuple[UUID, UUID]:
    """The two identities of a pair, which a link names, or two references. Raises NotFound, BadParameter."""
    if other is not None:
        return ours.resolve(one), ours.resolve(other)
    if link := _link(ours, one):
        return link.pair["low"], link.pair["high"]
    _identity(ours, one)
    raise typer.BadParameter(
        "that is one identity, and no pair: give a link's uuid, or two identities; what waits of one identity alone is "
        "settled by krypton identity flag REF FLAG --clear"
    )


def waits(ours: Krypton, one: str, other: str | None, kind: OfOne | None) -> Pair | Alone:
    """What waits: a pair, which a link names, or two references; or one identity. Raises NotFound, BadParameter."""
    if other is None and _link(ours, one) is None:
        return Alone(identity=_identity(ours, one), kind=kind)
    if kind is not None:
        raise typer.BadParameter("--kind is of one identity that waits alone, and a pair is named: leave it out")
    low, high = sides(ours, one, other)
    return Pair(one=low, other=high)


def _identity(ours: Krypton, named: str) -> UUID:
    """Raises NotFound."""
    try:
        return ours.resolve(named)
    except NotFound:
        if _uuid(named) is None:
            raise
        raise NotFound("no link and no identity has that uuid: krypton identity review list shows what waits") from None


def _link(ours: Krypton, named: str) -> Link | None:
    """The link that has that uuid; None: it is no link's, or no uuid."""
    uuid = _uuid(named)
    return ours.ledger.find(Link, uuid) if uuid else None


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
