"""``python -m tools.data_model_page``: generates ``docs/data-model.md`` from aggregates, schemas and tables.

A test holds it fresh. Aggregates are found by their topic: the first word of each event type.
"""

from collections.abc import Iterator
from importlib import import_module
from inspect import getmembers, isclass
from pathlib import Path
from pkgutil import iter_modules

from eventsourcing.domain import Aggregate
from sqlalchemy import Column, Table
from sqlalchemy.dialects import postgresql

import domain.aggregates
from adapters.outbox.tables import OUTBOX, TALLY
from adapters.web_sessions.tables import LOGOUT, REASON, SESSION, VIEWING
from projections.declared import VIEWS
from projections.dose_practice.region_tables import FIGURE, MADE
from projections.engine.ownership import topic_of
from projections.engine.projection import Projection
from projections.engine.sealed import SEAL
from schemas.registry import registry
from streams.broker.topics import PARTITIONS
from tools.prose import cell, first_sentence

PAGE = Path(__file__).parents[1] / "docs" / "data-model.md"
DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's own, untyped
HEAD = """# Data model

Made from the code by `python -m tools.data_model_page`; do not edit.

Three layers, each made from the one before: **aggregates** decide and write **events**; events are kept in the
event store and on Kafka, for
ever; **views** are tables folded from events, and can be built again at any time. [Topics and events](topics.md)
has every field of every event.

## Aggregates and their events

An aggregate keeps in memory only what a later decision needs. Its events are on one topic; the Kafka key says which
events keep their order.

| aggregate | what it is | topic (partitions) | Kafka key | events |
|---|---|---|---|---|
"""
LEDGER = """
## The event store

Schema `ledger` of PostgreSQL. `ledger_events`: one row per event: `id` (the ledger position), `originator_id`
(aggregate), `originator_version` (place in the
aggregate's history, unique with it), `topic` (the event type), `state` (the bytes that are also on Kafka).
`command`: one row per command that wrote something:
`command_id`, `actor` and `kind` (whose the id is), `positions`,
`result` (ids, no traits). `decided`: how many decisions on who may see personal data there are up to a `position`, by
decision, role and rule. `foreign_record`: what others wrote to a topic and the relay passed over, by partition.

The decision tables, made from the events in their transaction, as far as `decision_tables.upto`: `pair`, the pairs of
identities (`low`, `high`) that are `held` to be `merged` or `barred` now, since the statement at `position`, by a
human or another `rule`;
`ae_title`, the `site` that has it; `rules`, where a version was last `published` and `promoted`.

Schema `vault`: `subject_key`: one row per person's key,
`wrapped` by the `master` key of that number; null once it is destroyed. `master_key`: one row per master key: its
`name`, and a `canary` that it wrapped, which tells a wrong key from a bad row.

## Views

Each version of a view has its tables in a schema of its own (`cumulative_dose_v2`); the schema without a number
(`cumulative_dose`) shows the version that readers
see. Schema `views` says how far each version is (`position`), which versions there are (`view_version`), and keeps
dead letters (`dead_letter`) and parked records.

A **sealed** column holds text that was opened with the key of the identity named, and reads `[erased]` once that
key is destroyed. Null means not known, never zero.
"""
POLICIES = """## The outbox of policies

Schema `policies`: what policies decided and what became of it. It holds ids, codes and times, nothing personal. How far
a policy has read is in `views.position`.
"""
TOLD = """Entries that are done are deleted after a while. How often each policy decided what is kept, in `tally`:
"""
REGION = """## The comparison with the region

Schema `dose_region`: figures of practice of all establishments together, made again from time to time from the live
version of `dose_practice` (ADR 72). It holds nothing of a person, and no establishment's own figure.
"""
WEB = """## Sessions of browsers

Schema `web`: who signed in by a browser, and links to the viewer. A session ends by itself; what is over is deleted
when another begins. Sealed columns are encrypted with a key derived from the region's secret, which the vault keeps.
"""


def page() -> str:
    """The whole page."""
    lines = [HEAD.rstrip(), *_aggregates(), LEDGER.rstrip(), ""]
    for view in VIEWS.values():
        lines += [*_view(view.make()), ""]
    lines += [POLICIES.rstrip(), "", *_columns(OUTBOX), "", TOLD.rstrip(), "", *_columns(TALLY), "", REGION.rstrip()]
    for table in (MADE, FIGURE):
        lines += ["", f"`{table.name}`:", "", *_columns(table)]
    lines += ["", WEB.rstrip()]
    for table in (SESSION, REASON, LOGOUT, VIEWING):
        lines += ["", f"`{table.name}`:", "", *_columns(table)]
    lines.append("")
    return "\n".join(lines)


def _aggregates() -> Iterator[str]:
    about = {str(vars(found)["TOPIC"]): found for found in aggregates()}
    families: dict[str, list[str]] = {}
    for event_type in sorted({schema.type for schema in registry()}):
        families.setdefault(event_type.partition(".")[0], []).append(event_type)
    for family, types in families.items():
        newest = [registry().of_type(event_type) for event_type in types]
        (topic,) = {schema.topic for schema in newest}
        keys = " or ".join(f"`{key}`" for key in sorted({schema.key for schema in newest}))
        told = ", ".join(f"`{event_type}`" for event_type in types)
        yield f"| {family} | {_about(about[family])} | `{topic}` ({PARTITIONS[topic]}) | {keys} | {told} |"


def aggregates() -> Iterator[type[Aggregate]]:
    """Every aggregate, once."""
    for module in iter_modules(domain.aggregates.__path__):
        found = import_module(f"domain.aggregates.{module.name}")
        yield from (
            one
            for _, one in getmembers(found, isclass)
            if issubclass(one, Aggregate) and one.__module__ == found.__name__
        )


def _view(view: Projection) -> Iterator[str]:
    yield f"### {view.name}, version {view.version}"
    yield ""
    yield _about(type(view))
    yield ""
    yield f"Topics: {', '.join(f'`{topic}`' for topic in view.topics)}. Rules: {_rules(view)}."
    for table in view.tables.sorted_tables:
        yield ""
        yield f"**`{table.name}`**: {_of_table(table)}"
        yield ""
        yield from _columns(table)


def _columns(table: Table) -> Iterator[str]:
    yield "| column | type | meaning |"
    yield "|---|---|---|"
    yield from (_column(column) for column in table.columns)


def _rules(view: Projection) -> str:
    return ", ".join(f"`{kind}`" for kind in view.rules) or "none"


def _of_table(table: Table) -> str:
    topic = topic_of(table)
    told = f"written from `{topic}`." if topic else "made by the version's rules alone."
    return f"{told} {table.comment}" if table.comment else told


def _column(column: Column[object]) -> str:
    kind = column.type.compile(DIALECT).lower() + (" or null" if column.nullable else "")
    name = f"**`{column.name}`**" if column.primary_key else f"`{column.name}`"
    told = [cell(column.comment)] if column.comment else []
    if seal := column.info.get(SEAL):
        told.append(f"sealed under {' and '.join(f'`{subject}`' for subject in seal.subjects)}")
    return f"| {name} | {kind} | {'; '.join(told)} |"


def _about(one: type) -> str:
    return first_sentence(import_module(one.__module__).__doc__)


if __name__ == "__main__":
    PAGE.write_text(page())
