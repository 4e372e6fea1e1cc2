"""krypton dose: a person's cumulative dose, and dose alerts."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from uuid import UUID

import typer

from domain.commands.doses import AcceptValues, AcknowledgeAlert
from domain.dose_alerts import QUANTITIES
from krypton.cli.alert_rows import ALERT, with_units
from krypton.cli.calling import ASKED, OWN, As, Why
from krypton.cli.connection import ask, asker, krypton
from krypton.cli.dose_device import device
from krypton.cli.dose_export import export
from krypton.cli.dose_findings import acts, findings
from krypton.cli.dose_levels import compared
from krypton.cli.dose_page import Language, Page, language_of, site_names
from krypton.cli.dose_region import region
from krypton.cli.dose_reread import reread
from krypton.cli.dose_return import returned
from krypton.cli.dose_study import study
from krypton.cli.dose_sums import Since, SumsBy, Until, days, estimates, period, skin, sums
from krypton.cli.given import line
from krypton.cli.groups import command_group
from krypton.cli.new_files import keep, new_file
from krypton.cli.options import AsJson, CommandId, Limit, Ref
from krypton.cli.output import document, heading, out, table
from krypton.cli.patient import patient
from krypton.faces.told_of import with_person
from krypton.queries.person import dose_of
from krypton.queries.reports import problems
from krypton.queries.worklists import PAGE, alerts_of, study_of_alert

app = command_group("Cumulative dose and alerts.")


@app.command()
def show(
    ref: Ref,
    since: Since = None,
    until: Until = None,
    by: SumsBy = None,
    html: Page = None,
    language: Language = None,
    who: As = OWN,
    reason: Why = ASKED,
    as_json: AsJson = False,
) -> None:
    """Every irradiation event of the person once, and the totals of what is known; --html: a page for the patient."""
    wanted, (since, until) = language_of(language, html), days(since, until)
    if html is not None:
        new_file(html, "--html")
    ours = krypton()
    groups = [*dict.fromkeys(map(str, by or ()))]
    found = dose_of(ours, asker(ours, who, reason, ref), ref, since=since, until=until, by=groups)
    if html is not None:
        from krypton.faces.dose.page import page

        keep(html, page(found, wanted, ours.ledger.clock().date(), site_names(ours)).encode())
        return
    if as_json:
        document(found)
    else:
        _shown(found)


def _shown(found: Mapping[str, Any]) -> None:
    """The document of ``show`` as tables."""
    patient(found)
    sums(found)
    of_patient = ("population", "age_band", "weight_band", "pregnant", "pregnancy_ordered")
    columns = ("started_at", "modality", "protocol", *QUANTITIES, *of_patient)
    table(found["exposures"], columns, f"Exposures{period(found)} ({len(found['exposures'])})")
    if claims := [row for row in found["exposures"] if row["pregnancy_disagrees"]]:
        title = "Pregnancy: the order and the report, or two orders, contradict each other"
        table(claims, ("started_at", "site", "pregnant", "pregnancy_ordered", "study_uid"), title)
    estimates(found)
    compared(found)
    skin(found)
    if found["stated_alone"]:
        title = "In the totals, of studies without a known exposure, as a report states it"
        table(with_units(found["stated_alone"]), ("study_uid", "quantity", "value", "report_uid"), title)
    _reports(found["reports"])
    if found["unread"]:
        title = "Not in the totals: dose reports of which no dose could be read"
        table(found["unread"], ("site", "unread", "report_uid"), title)
    if notes := _notes(found):
        table(notes, ("note", "irradiation_event_uid", "report_uid"), "Notes: what was odd or not understood")
    if found["conflicts"]:
        title = "Conflicts: several studies claim these, or reports state different values"
        claims = [row | {"differing": list(map(heading, row["differing"]))} for row in found["conflicts"]]
        table(claims, ("irradiation_event_uid", "differing", "study_uids", "report_uids"), title)
    table(with_units(found["alerts"]), ALERT, "Alerts")
    if found.get("withheld"):
        out.print(f"reports withheld for an opposition to feeding: {found['withheld']}")


def _reports(found: Sequence[Mapping[str, Any]]) -> None:
    """Each report, and whether another one stands for it, or another one that stands disagrees with it."""
    told = [
        {
            **report,
            "test of the device": report["qa"] or None,
            "disagrees": list(map(heading, report["disagrees"])) or None,
        }
        for report in found
    ]
    columns = ("reported_at", "site", "modality", "exposures", "report_totals", "test of the device")
    superseded = sum(report["superseded_by"] is not None for report in found)
    title = f"Reports ({len(found)}{f', {superseded} of them superseded' if superseded else ''})"
    table(told, (*columns, "disagrees", "superseded_by", "report_uid"), title)


def _notes(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What is said of reports and exposures beside their values, a line each."""
    return [
        {"note": note, "irradiation_event_uid": row.get("irradiation_event_uid"), "report_uid": row["report_uid"]}
        for row in (*found["reports"], *found["exposures"])
        for note in (*row["not_understood"], *_doubts(row))
    ]


def _doubts(row: Mapping[str, Any]) -> list[str]:
    accepted = row["accepted"] if "accepted" in row else row["in_totals"]
    said = "implausible, accepted" if accepted else "implausible, in no total until it is accepted"
    return [f"{quantity}: {said}" for quantity in row["implausible"]]


@app.command()
def reports(
    only: Annotated[
        bool, typer.Option("--problems/--all", help="Those that are to be looked at, or all of them.")
    ] = True,
    limit: Limit = PAGE,
    who: As = OWN,
    as_json: AsJson = False,
) -> None:
    """Dose reports that were not understood, in whole or in part, or that state implausible values; newest first."""
    found = problems(krypton(), limit, every=not only)
    if as_json:
        document(found)
        return
    columns = (
        *("site", "modality", "model", "unread", "not_understood", "implausible", "warnings"),
        *("report_uid", "study"),
    )
    title = "Dose reports to look at" if only else "Dose reports"
    table([{name: row.get(name) or None for name in columns} for row in found], columns, title)
    if found and only:
        out.print("to read one again, after an upgrade: krypton dose reread --report UID; --write records it")


app.command()(reread)
app.command()(device)
app.command()(region)
app.command()(export)
app.command()(study)
app.command()(findings)
app.command("map")(acts)
app.command("return")(returned)


@app.command()
def accept(
    study: Annotated[UUID, typer.Argument(help="The study's id, as dose reports prints it.")],
    report: Annotated[str, typer.Argument(help="The report's SOP Instance UID.")],
    note: Annotated[str, typer.Option("--note", callback=line, help="Why they are right; kept sealed. - reads it.")],
    who: As = OWN,
    reason: Why = ASKED,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Take a report's implausible values for right, so that they count: under an open access to the patient."""
    from krypton.queries.studies import owner_of
    from krypton.queries.study_doses import doubted_of

    ours = krypton()
    doubted_of(ours, asker(ours, who, reason, owner_of(ours, study)), study)
    ask(ours, AcceptValues(study=study, report_uid=report, note=note), who, command_id, as_json)


@app.command()
def alerts(
    all_of_them: Annotated[bool, typer.Option("--all", help="Acknowledged and withdrawn ones too.")] = False,
    site: Annotated[str | None, typer.Option("--site", help="Code of the establishment.")] = None,
    alert: Annotated[UUID | None, typer.Option("--alert", help="That one alone, as a notice names it.")] = None,
    limit: Limit = PAGE,
    who: As = OWN,
    reason: Why = ASKED,
    as_json: AsJson = False,
) -> None:
    """Doses that call for a person's attention, at the establishment one acts from, and whose they are."""
    ours = krypton()
    by = asker(ours, who, reason)
    found = alerts_of(ours, by, open_only=not all_of_them, site=site, limit=limit, alert=alert)
    if as_json:
        document(found)
        return
    table(with_person(with_units(found)), (*ALERT, "person"), "Alerts")


@app.command()
def acknowledge(
    alert: Annotated[UUID, typer.Argument(help="The alert's id, as dose alerts prints it.")],
    note: Annotated[str, typer.Option("--note", callback=line, help="What was done; kept sealed. - reads it.")],
    who: As = OWN,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Acknowledge an alert of the establishment that one works for, and state what was done."""
    ours = krypton()
    command = AcknowledgeAlert(study=study_of_alert(ours, alert), alert=alert, note=note, by=who.rpps)
    ask(ours, command, who, command_id, as_json)
