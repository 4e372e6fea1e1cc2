"""krypton access: a professional's request to see a record: decided, recorded, answered."""

from typing import Annotated
from uuid import UUID

import typer

from domain.commands.accesses import CloseEmergency, OpenAccess
from krypton.cli.connection import envelope, krypton
from krypton.cli.groups import command_group
from krypton.cli.options import AsJson, CommandId, Reason, Ref
from krypton.cli.output import document, err, out, places, written

app = command_group("Requests to see a record.")
By = Annotated[
    str | None, typer.Option("--actor", help="Who asks on their behalf, such as system:…; without it, they themselves.")
]
As = Annotated[str, typer.Option("--as", help="rpps:<number>: the professional who asks.")]
REFUSED = 1


@app.command("open")
def open_access(
    ref: Ref,
    who: As,
    reason: Reason,
    code: Annotated[str | None, typer.Option("--code", help="One-time code that the person gave.")] = None,
    site: Annotated[str | None, typer.Option("--site", help="Where they act from, if they work for several.")] = None,
    emergency: Annotated[
        bool, typer.Option("--emergency", help="Break the glass; shown during the whole access.")
    ] = False,
    actor: By = None,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Ask to see a person's record. A denial is on record too, and exits with 1."""
    ours = krypton()
    rpps = who.removeprefix("rpps:")
    by = envelope(actor or f"rpps:{rpps}", command_id)
    ask = OpenAccess(
        identity=ours.resolve(ref),
        rpps=rpps,
        reason=reason,
        site=site,
        code=code,
        emergency=emergency,
        access=by.command_id,
    )
    answer = ours.execute(ask, by)
    denied = answer.result["decision"] == "denied"
    if as_json:
        document({"positions": list(answer.positions), **answer.result})
    elif not denied:
        written(answer)
    else:
        out.print(places(answer.positions))
    if denied:
        err.print(f"refused: {answer.result['why']} ({answer.result['rule']})", markup=False)
        raise typer.Exit(REFUSED)


@app.command()
def close(
    access: Annotated[UUID, typer.Argument(help="The emergency access, as access open printed it.")],
    who: As,
    note: Annotated[str | None, typer.Option("--note", help="Kept sealed.")] = None,
    actor: By = None,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """End an emergency access."""
    rpps = who.removeprefix("rpps:")
    ask = CloseEmergency(access=access, rpps=rpps, note=note)
    written(krypton().execute(ask, envelope(actor or f"rpps:{rpps}", command_id)), as_json)
