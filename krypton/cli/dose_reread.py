"""krypton dose reread: what stored dose reports, and doses of image headers, state as they are read now."""

from typing import Annotated
from uuid import UUID

import typer

from krypton.cli.calling import OWN, As
from krypton.cli.connection import krypton
from krypton.cli.options import AsJson, CommandId
from krypton.cli.output import document, facts, out, places, table

COLUMNS = ("site", "changes", "report_uid", "study")


def reread(
    site: Annotated[str | None, typer.Option("--site", help="Only of this establishment.")] = None,
    study: Annotated[UUID | None, typer.Option("--study", help="Only of this study, by its id.")] = None,
    report: Annotated[str | None, typer.Option("--report", help="Only this report, by its SOP Instance UID.")] = None,
    write: Annotated[bool, typer.Option("--write", help="Record what is read otherwise; without it, look.")] = False,
    who: As = OWN,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Read stored dose reports and image headers again, and say what is read otherwise now; --write records it."""
    from krypton.progress import progress
    from krypton.services import dose_reread as again

    wish = again.Wish(site, study, report, write)
    with progress("reports", None) as bar:
        done = again.reread(krypton(), wish, who.actor(), command_id, bar.advance)
    if as_json:
        document(done)
        return
    facts({"read": done["read"], "the same": done["same"], "without a file here": done["no_file"]})
    table(done["changed"], COLUMNS, "Read otherwise now" if write else "Would be read otherwise now")
    if done["refused"]:
        table(done["refused"], ("site", "reason", "report_uid", "study"), "Not read, or not written")
    out.print(places(done["positions"]) if write else "nothing was written: --write records what is read otherwise")
