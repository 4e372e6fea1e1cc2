"""krypton order: places and follows exam orders, from request to result."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import typer

from domain.commands.orders import CancelOrder, PerformOrder, PlaceOrder, PresentOrder, ResultOrder, ScheduleOrder
from domain.order_words import Urgency
from krypton.cli.calling import ASKED, OWN, As, Why
from krypton.cli.connection import acting_from, ask, asker, envelope, krypton
from krypton.cli.given import line
from krypton.cli.groups import command_group
from krypton.cli.options import AsJson, CommandId, Limit, OwnSite, Reason, Ref, utc
from krypton.cli.output import document, facts, written
from krypton.cli.worklist import print_worklist
from krypton.queries.person import order_of, placed_for
from krypton.queries.worklists import OPEN_ORDERS, PAGE, orders_of

app = command_group("Exam orders.")
Order = Annotated[UUID, typer.Argument(help="The order's id, as order place printed it.")]
ASKED_FOR = "What the clinician wants to know; kept sealed. - reads a line of standard input."
By = Annotated[str | None, typer.Option("--by", help="RPPS number of who orders; without it, one's own.")]
Site = Annotated[str, typer.Option("--site", help="Code of the establishment.")]
LISTED = (
    *("state", "urgency", "modality", "act", "question", "placed_at", "wanted_by", "site", "ordered_by"),
    *("presented_at", "scheduled_at", "scheduled_for", "accession", "cancel_reason", "order"),
)


class Pregnancy(StrEnum):
    """What an order says of a pregnancy."""

    YES = "yes"
    POSSIBLE = "possible"
    NO = "no"
    UNKNOWN = "unknown"


class State(StrEnum):
    """How far an order is."""

    PLACED = "placed"
    PRESENTED = "presented"
    SCHEDULED = "scheduled"
    PERFORMED = "performed"
    RESULTED = "resulted"
    CANCELLED = "cancelled"


@app.command()
def place(
    ref: Ref,
    site: Site,
    modality: Annotated[str, typer.Option("--modality", help="DICOM modality, such as CT.")],
    question: Annotated[str, typer.Option("--question", callback=line, help=ASKED_FOR)],
    by: By = None,
    urgency: Annotated[Urgency, typer.Option("--urgency", help="How soon; STAT is at once.")] = Urgency.ROUTINE,
    act: Annotated[str | None, typer.Option("--act", help="CCAM code.")] = None,
    accession: Annotated[
        str | None, typer.Option("--accession", help="Accession number, by which its study will be known.")
    ] = None,
    number: Annotated[str | None, typer.Option("--number", help="The site's own number of the order.")] = None,
    wanted_by: Annotated[datetime | None, typer.Option("--wanted-by", help="ISO 8601, UTC.")] = None,
    pregnant: Annotated[
        Pregnancy | None, typer.Option("--pregnant", help="What is known of a pregnancy; kept sealed.")
    ] = None,
    who: As = OWN,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Place an order for an exam."""
    ours, by_whom = krypton(), envelope(who.actor(), command_id)
    command = PlaceOrder(
        identity=ours.resolve(ref),
        site=site,
        ordered_by=who.number(by),
        modality=modality,
        question=question,
        urgency=urgency,
        act=act,
        accession=accession,
        wanted_by=utc(wanted_by),
        pregnancy=pregnant and pregnant.value,
        placer_number=number or str(by_whom.command_id),
    )
    written(ours.execute(command, by_whom), as_json)


@app.command()
def present(order: Order, site: Site, who: As = OWN, command_id: CommandId = None, as_json: AsJson = False) -> None:
    """Present the order at a site that may make the exam."""
    ask(krypton(), PresentOrder(order=order, site=site), who, command_id, as_json)


@app.command()
def schedule(
    order: Order,
    site: Site,
    at: Annotated[datetime, typer.Option("--at", help="ISO 8601, UTC.")],
    accession: Annotated[str, typer.Option("--accession", help="Accession number, by which its study will be known.")],
    ae_title: Annotated[str | None, typer.Option("--ae-title", help="The device that is to make it.")] = None,
    who: As = OWN,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Schedule the exam at a site."""
    command = ScheduleOrder(order=order, site=site, at=utc(at), accession=accession, ae_title=ae_title)
    ask(krypton(), command, who, command_id, as_json)


@app.command()
def perform(
    order: Order,
    study_uid: Annotated[str, typer.Option("--study-uid", help="Study Instance UID.")],
    who: As = OWN,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """State that the exam was made."""
    ask(krypton(), PerformOrder(order=order, study_uid=study_uid), who, command_id, as_json)


@app.command()
def result(
    order: Order,
    report_uid: Annotated[str, typer.Option("--report-uid", help="SOP Instance UID of the report.")],
    who: As = OWN,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """State that the exam was reported."""
    ask(krypton(), ResultOrder(order=order, report_uid=report_uid), who, command_id, as_json)


@app.command()
def cancel(order: Order, reason: Reason, who: As = OWN, command_id: CommandId = None, as_json: AsJson = False) -> None:
    """Cancel an order."""
    ask(krypton(), CancelOrder(order=order, reason=reason), who, command_id, as_json)


@app.command("list")
def list_orders(
    state: Annotated[list[State] | None, typer.Option("--state", help="May be given several times.")] = None,
    site: OwnSite = None,
    limit: Limit = PAGE,
    who: As = OWN,
    reason: Why = ASKED,
    as_json: AsJson = False,
) -> None:
    """Orders that one's establishment placed, was brought or makes, oldest first: without --state, the open ones."""
    ours = krypton()
    found = orders_of(ours, acting_from(asker(ours, who, reason), site), states=state or OPEN_ORDERS, limit=limit)
    print_worklist(found, LISTED, "Orders", as_json)


@app.command()
def show(order: Order, who: As = OWN, reason: Why = ASKED, as_json: AsJson = False) -> None:
    """Show the state of an order."""
    ours = krypton()
    found = order_of(ours, asker(ours, who, reason, placed_for(ours, order)), order)
    if as_json:
        document(found)
        return
    facts(found, f"Order {order}")
