"""krypton events: prints events from Kafka, for operators and authors of subscribers."""

import json
import sys
from collections.abc import Collection, Iterable
from typing import Annotated, Any
from uuid import UUID

import typer

from krypton.cli.audit_proofs import kafka_answers
from krypton.cli.calling import OWN, As
from krypton.cli.connection import krypton
from krypton.cli.options import AsJson
from krypton.cli.output import short, table
from schemas.registry import registry
from streams.broker.topics import LEDGER

COLUMNS = ("position", "recorded_at", "type", "key", "version", "actor")
SHOWN = 50


def events(
    topics: Annotated[list[str] | None, typer.Option("--topic", help="Only of this topic; may be repeated.")] = None,
    types: Annotated[
        list[str] | None, typer.Option("--type", help="Only of this type, link.merged for one; may be repeated.")
    ] = None,
    keys: Annotated[
        list[UUID] | None, typer.Option("--key", help="Only of this Kafka key, see docs/topics.md; may be repeated.")
    ] = None,
    first: Annotated[int, typer.Option("--from", min=1, help="Ledger position of the first.")] = 1,
    last: Annotated[int | None, typer.Option("--to", min=1, help="Ledger position of the last.")] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help=f"How many at most; {SHOWN} in a table, all as JSON.")
    ] = None,
    who: As = OWN,
    as_json: AsJson = False,
) -> None:
    """Events as Kafka holds them, in ledger order. What is sealed stays so: ask a view for what names a person."""
    from krypton.queries.events import Sought, published

    _known("--topic", topics, LEDGER)
    _known("--type", types, registry().latest)
    ours = krypton()
    most = limit or (None if as_json else SHOWN)
    sought = Sought(topics, types, [str(key) for key in keys or ()], first, last, most)
    with kafka_answers(ours):
        found = published(ours, sought)
        if as_json:
            _stream(found)
        else:
            table([row | {"key": short(row["key"])} for row in found], COLUMNS, "Events on Kafka")


def _known(option: str, given: Collection[str] | None, there: Collection[str]) -> None:
    """Raises BadParameter: what is misspelt would find nothing, in silence."""
    if unknown := sorted({*(given or ())} - {*there}):
        raise typer.BadParameter(f"{', '.join(unknown)}: there are {', '.join(there)}", param_hint=option)


def _stream(rows: Iterable[dict[str, Any]]) -> None:
    """One JSON array, an event to a line, written as they come: there may be millions."""
    before = "["
    for row in rows:
        sys.stdout.write(f"{before}\n{json.dumps(row, ensure_ascii=False, default=str)}")
        before = ","
    sys.stdout.write("[]\n" if before == "[" else "\n]\n")


def add_to(app: typer.Typer) -> None:
    """A command of the first level."""
    app.command()(events)
