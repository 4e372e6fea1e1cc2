"""krypton dose study: each exposure of one study with how it was made, sums beside totals, and what is odd."""

from typing import Annotated
from uuid import UUID

import typer

from domain.dose_alerts import QUANTITIES
from krypton.cli.calling import ASKED, OWN, As, Why
from krypton.cli.connection import asker, krypton
from krypton.cli.dose_page import Language, Page, language_of, site_names
from krypton.cli.new_files import keep, new_file
from krypton.cli.options import AsJson
from krypton.cli.output import document, facts, table

REPORT = ("reported_at", "site", "source", "report_totals", "event_sums", "warnings", "superseded_by", "report_uid")
COLUMNS = ("started_at", "protocol", *QUANTITIES, "plane", "technique", "filters", "implausible")


def study(
    study: Annotated[UUID, typer.Argument(help="The study's id, as record show prints it.")],
    html: Page = None,
    language: Language = None,
    who: As = OWN,
    reason: Why = ASKED,
    as_json: AsJson = False,
) -> None:
    """The exposures of one study with how each was made, and their sums beside the stated totals; --html: a page."""
    from krypton.queries.studies import owner_of
    from krypton.queries.study_doses import study_dose_of

    wanted = language_of(language, html)
    if html is not None:
        new_file(html, "--html")
    ours = krypton()
    found = study_dose_of(ours, asker(ours, who, reason, owner_of(ours, study)), study)
    if html is not None:
        from krypton.faces.dose.study import page

        keep(html, page(found, wanted, ours.ledger.clock().date(), site_names(ours)).encode())
    elif as_json:
        document(found)
    else:
        facts(found["sums"], "Sums of the exposures (– is not known, never zero)")
        table(found["exposures"], COLUMNS, f"Exposures ({len(found['exposures'])})")
        table(found["reports"], REPORT, "Reports: totals as stated, beside the sums of their own exposures")
