"""Formats the exposure report as a Markdown page for the data-protection officer.

It covers what the ledger knows of what Article 33(3) of the GDPR requires (nature of the breach, number of people and
records, measures taken), and lists what only the officer can add. People appear only as pseudonymous ids. Reasons are
not written: they may name somebody, and a file is not found when they are erased.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Document = dict[str, Any]

BASIS = """Computed from the ledger's events up to position {position}, replayed for this report; every position named
here can be proven with `krypton audit prove POSITION`. The ledger records who was let into a record and what lay in it,
not what was looked at: what is listed as exposed was accessible to the reader and must be regarded as seen. Reasons are
sealed and stay out of this file: `krypton audit exposure` without `--out` shows them."""

OFFICER = """- likely consequences for the persons concerned
- contact point, and whether and when the persons were told (Article 34)
- measures beyond the separation recorded above"""


def markdown(report: Document) -> str:
    """The whole page."""
    parts = (_head, _periods, _accesses, _sent, _looks, _close)
    return "\n".join(line for part in parts for line in part(report)) + "\n"


def _head(report: Document) -> Iterator[str]:
    one, other = report["identities"]
    counts = report["counts"]
    yield "# Exposure report: two persons merged into one"
    yield ""
    yield f"- A: identity `{one['identity']}` of {one['assigner']}, now person `{one['person']}`"
    yield f"- B: identity `{other['identity']}` of {other['assigner']}, now person `{other['person']}`"
    yield f"- Persons concerned: 2; identities: {sum(map(len, report['sides']))}"
    exposed = ", ".join(f"{number} {kind.replace('_', ' ')}(s)" for kind, number in counts["exposed"].items())
    yield (
        f"- {counts['accesses']} access(es) by {counts['professionals']} professional(s) of "
        f"{counts['establishments']} establishment(s) showed data of the one as the other's: {exposed or 'nothing'}"
    )
    yield f"- {counts['sent']} order(s) or reading(s) went out meanwhile"
    if report["still_one_person"]:
        yield "- **The two are still one person.**"
    yield ""


def _periods(report: Document) -> Iterator[str]:
    yield "## When the two were one person"
    yield ""
    yield "| from | to | merged by | rule | separated by |"
    yield "|---|---|---|---|---|"
    for period in report["together"]:
        began, ended = period["began"] or {}, period["ended"] or {}
        rule = f"{began.get('rule')} v{began.get('rule_version')}" if began.get("rule") else None
        yield _row(period["from"], period["to"] or "still", _who(began), rule, _who(ended))
    yield ""


def _who(statement: Mapping[str, Any]) -> str | None:
    return f"{statement['actor']} ({statement['type']}, position {statement['position']})" if statement else None


def _accesses(report: Document) -> Iterator[str]:
    yield "## Who saw data of the one as the other's"
    yield ""
    if not report["accesses"]:
        yield "Nobody: no access was open to both while they were one person."
    for access in report["accesses"]:
        yield f"### RPPS {access['rpps']}, {access['site'] or 'no establishment named'}, position {access['position']}"
        yield ""
        yield (
            f"Asked for identity `{access['asked_for']}` on the ground of {access['ground']} (rule {access['rule']}). "
            f"Open {access['opened_at']} to {access['ended_at']}; while the two were one "
            f"person: {access['exposed_from']} to {access['exposed_to']}."
        )
        yield ""
        yield "| shown | id | study | date | of identity |"
        yield "|---|---|---|---|---|"
        for one in access["foreign"]:
            yield _row(one["kind"], one["id"], one.get("study_uid"), one.get("date"), one["identity"])
        yield ""
    yield ""


def _sent(report: Document) -> Iterator[str]:
    yield "## What was sent to whom meanwhile"
    yield ""
    yield from _table(
        report["sent"],
        ("recorded_at", "type", "identity", "id", "from_site", "to_site", "to_professional", "actor", "position"),
    )


def _looks(report: Document) -> Iterator[str]:
    yield "## Who looked meanwhile at what was shown of both as one"
    yield ""
    yield from _table(report["looks"], ("recorded_at", "kind", "actor", "role", "position"))


def _close(report: Document) -> Iterator[str]:
    yield "## For the data-protection officer to add"
    yield ""
    yield OFFICER
    yield ""
    yield "## What this report rests on"
    yield ""
    yield BASIS.format(position=report["position"], withheld=report["withheld"])
    yield from (f"\nNot readable, and so not counted: {unread}" for unread in report["unread"])


def _table(rows: list[Document], columns: tuple[str, ...]) -> Iterator[str]:
    if not rows:
        yield "Nothing."
    else:
        yield _row(*(column.replace("_", " ") for column in columns))
        yield "|" + "---|" * len(columns)
        yield from (_row(*(row[column] for column in columns)) for row in rows)
    yield ""


def _row(*cells: Any) -> str:
    return f"| {' | '.join(_cells(cells))} |"


def _cells(cells: Iterable[Any]) -> Iterator[str]:
    yield from (_cell(cell) for cell in cells)


def _cell(value: Any) -> str:
    """Text escaped so that it cannot leave its table cell."""
    if value is None:
        return "–"
    return " ".join(str(value).split()).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
