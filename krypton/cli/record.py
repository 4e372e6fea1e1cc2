"""krypton record: the patient record of a person."""

from krypton.cli.calling import ASKED, OWN, As, Why
from krypton.cli.connection import asker, krypton
from krypton.cli.groups import command_group
from krypton.cli.options import AsJson, Ref
from krypton.cli.output import document, out, table
from krypton.queries.person import record_of

app = command_group("Patient records.")


@app.callback()
def group() -> None:
    """Keeps ``show`` a command of its own."""


@app.command()
def show(ref: Ref, who: As = OWN, reason: Why = ASKED, as_json: AsJson = False) -> None:
    """Studies, reports and orders of the person, from every site."""
    ours = krypton()
    found = record_of(ours, asker(ours, who, reason, ref), ref)
    if as_json:
        document(found)
        return
    out.print(f"person {found['person']}")
    table(found["members"], ("assigner", "local_id", "identity"), "Known as")
    columns = ("date", "site", "modalities", "description", "series", "instances", "reports", "accession")
    rows = [study | {"reports": [r["kind"] for r in study["reports"]]} for study in found["studies"]]
    table(rows, columns, "Studies")
    columns = ("placed_at", "site", "modality", "state", "urgency", "question", "scheduled_for", "accession")
    table(found["orders"], columns, "Orders")
