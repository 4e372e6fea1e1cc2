"""krypton policies: status of each policy, its parked entries, and the policies as a process."""

from threading import Event
from typing import Annotated
from uuid import UUID

import typer

from krypton.cli.calling import OWN, As
from krypton.cli.connection import envelope, krypton
from krypton.cli.groups import command_group
from krypton.cli.options import AsJson, CommandId, Reason
from krypton.cli.output import document, err, table, written

app = command_group("Policies: matching of new identities, timers, reviews.")
Entry = Annotated[UUID, typer.Argument(help="The entry's id, as policies parked prints it.")]
STATUS = ("policy", "position", "lag", "waiting", "due", "retrying", "parked", "dead_letters", "last_error")


@app.command()
def status(who: As = OWN, as_json: AsJson = False) -> None:
    """Per policy: how far it has read, what waits for its time, is due now, retried or parked, and the last error."""
    from krypton.policies import settled

    found = settled.status(krypton())
    if as_json:
        document(found)
        return
    table(found, STATUS, "Policies")
    if parked := {one["policy"]: one["parked"] for one in found if one["parked"]}:
        err.print(settled.given_up(parked))


@app.command()
def parked(
    policy: Annotated[str | None, typer.Option("--policy", help="Of one policy.")] = None,
    who: As = OWN,
    as_json: AsJson = False,
) -> None:
    """Entries that failed repeatedly and wait for an operator: policies retry or policies drop."""
    from krypton.policies import settled

    found = settled.parked(krypton(), policy)
    if as_json:
        document(found)
        return
    table(found, ("id", "policy", "does", "cause", "attempts", "error"), "Parked")


@app.command()
def retry(entry: Entry, who: As = OWN, command_id: CommandId = None, as_json: AsJson = False) -> None:
    """Retry a parked entry, once the cause is fixed. Repeating it is harmless."""
    from krypton.policies import decide

    written(decide.retry(krypton(), entry, envelope(who.actor(), command_id)), as_json)


@app.command()
def drop(entry: Entry, reason: Reason, who: As = OWN, command_id: CommandId = None, as_json: AsJson = False) -> None:
    """Discard a parked entry: it is never executed. Repeating it is harmless."""
    from krypton.policies import decide

    written(decide.drop(krypton(), entry, reason, envelope(who.actor(), command_id)), as_json)


@app.command()
def run(names: Annotated[list[str] | None, typer.Argument(help="Policies; without any, all.")] = None) -> None:
    """Run policies in this process until SIGTERM; krypton run keeps one such process with all of them."""
    from krypton.cli.logs import log_to_stderr
    from krypton.services import policies
    from krypton.services.budget import begin
    from krypton.services.logins import POLICY
    from krypton.services.supervisor import stop_on_signals

    log_to_stderr()
    stop = Event()
    stop_on_signals(stop)
    policies.run(begin(krypton(POLICY), "policies"), names or [], stop)
