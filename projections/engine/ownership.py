"""Declares the one topic that writes each table, so that workers never race and a rebuild knows when it is complete."""

from typing import Final

from sqlalchemy import Table

TOPIC: Final = "topic"


def written_from(topic: str) -> dict[str, str]:
    """``Table(info=…)``: the one topic whose events write the table's rows."""
    return {TOPIC: topic}


def topic_of(table: Table) -> str | None:
    """The topic that writes the table; None if its rows derive from rules only."""
    return table.info.get(TOPIC)
