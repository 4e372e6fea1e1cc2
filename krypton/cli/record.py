"""krypton record: shows a person's patient record."""

from collections.abc import Mapping, Sequence
from typing import Any

import typer

from domain.query_keys import BadKey
from krypton.cli.calling import ASKED, OWN, As, Why
from krypton.cli.connection import asker, krypton
from krypton.cli.groups import command_group
from krypton.cli.options import AsJson, Ref
from krypton.cli.output import document, out, table
from krypton.cli.patient import patient
from krypton.cli.where import Where, keys
from krypton.queries.person import record_of

app = command_group("Patient records.")
STUDIES = (
    *("date", "site", "modalities", "description", "series", "instances", "reports", "accession", "study"),
    *("study_uid", "identity"),
)
READINGS = (
    *("state", "from_site", "to_site", "requested_at", "due", "question", "read_by", "conclusion", "decline_reason"),
    *("reading", "study"),
)
ORDERS = (
    *("placed_at", "site", "modality", "state", "urgency", "question", "ordered_by", "scheduled_at", "scheduled_for"),
    *("accession", "cancel_reason", "order"),
)


@app.callback()
def group() -> None:
    """Keeps ``show`` a command of its own."""


@app.command()
def show(ref: Ref, where: Where = None, who: As = OWN, reason: Why = ASKED, as_json: AsJson = False) -> None:
    """Studies, reports and orders of the person, from every site."""
    stated = keys(where or [])
    ours = krypton()
    try:
        found = record_of(ours, asker(ours, who, reason, ref), ref, stated)
    except BadKey as bad:
        raise typer.BadParameter(f"--where {bad}") from None
    if as_json:
        document(found)
        return
    patient(found)
    rows = [study | {"reports": [r["kind"] for r in study["reports"]] or None} for study in found["studies"]]
    table(rows, STUDIES, "Studies")
    unread = [report | study for study in found["studies"] for report in study["reports"] if report["unread"]]
    if unread:
        table(unread, ("date", "site", "unread", "report_uid"), "Dose reports of which no dose could be read")
    if found["to_review"]:
        _offer(found["to_review"])
    readings = [reading | {"study": study["study"]} for study in found["studies"] for reading in study["readings"]]
    if readings:
        table(readings, READINGS, "Readings")
    table(found["orders"], ORDERS, "Orders")
    if found["withdrawn"]:
        out.print(f"withdrawn studies, not shown: {found['withdrawn']}")
    if found.get("withheld"):
        out.print(f"withheld for an opposition to feeding: {found['withheld']}")


def _offer(shared: Sequence[Mapping[str, Any]]) -> None:
    """The studies whose UID a study of another person bears, too, and what a clerk types to decide on the two."""
    table(shared, ("study_uid", "study", "link"), "Studies that another person has, too: perhaps one under two numbers")
    out.print("a clerk compares the two and decides:")
    for link in dict.fromkeys(row["link"] for row in shared):
        out.print(f"krypton identity review list --link {link}" if link else "krypton identity review list")
    out.print()
