"""krypton vault: status of the vault's master keys, and their change while processes run.

The master key wraps the keys of persons; it is given by settings.
"""

from typing import Annotated

import typer

from krypton.cli.calling import OWN, As
from krypton.cli.connection import krypton
from krypton.cli.groups import command_group
from krypton.cli.options import AsJson
from krypton.cli.output import document, err, facts, table

app = command_group("The vault's master keys: which one wraps what, and how to change it.")
COLUMNS = ("master_key", "wraps", "keys", "needed", "since", "until")
BROKEN = 1
SHOWN = 10
Needed = Annotated[
    str | None, typer.Option("--needed", metavar="NAME", help="End with 1 while this master key is needed.")
]


@app.command()
def status(needed: Needed = None, who: As = OWN, as_json: AsJson = False) -> None:
    """Each master key: whether it wraps new keys, how many keys it wraps now, and whether the vault still needs it."""
    from domain.errors import NotFound
    from krypton.vaults import states

    found = states(krypton(None))
    document(found) if as_json else table(found, COLUMNS, "Master keys")
    if needed is None:
        return
    named = [one for one in found if one["master_key"] == needed]
    if not named:
        raise NotFound(f"master key {needed}: krypton vault status lists those that the vault knows")
    if named[0]["needed"]:
        err.print(f"master key {needed} is needed: it wraps {named[0]['keys']} keys")
        raise typer.Exit(BROKEN)
    err.print(
        f"master key {needed} is not needed any more: take it out of the settings; its copy opens backups of the "
        f"vault from before {named[0]['until']:%Y-%m-%d}, destroy it with the last of them"
    )


@app.command()
def rewrap(who: As = OWN, as_json: AsJson = False) -> None:
    """Wrap every key by the newest master key that the settings name; processes go on meanwhile.

    If it is killed, the same command goes on where it was. Each machine is given both master keys first.
    """
    from krypton.progress import progress
    from krypton.vaults import change_master

    ours = krypton(None)
    with progress("keys", None) as bar:
        done = change_master(ours, bar.reach)
    if not done.keys and not done.broken:
        err.print(f"{done.name} wraps every key already: to change it, put the new one before it in {ours.ring.where}")
    told = {"master_key": done.name, "keys": done.keys, "broken": len(done.broken)}
    document(told) if as_json else facts(told, "Wrapped")
    if done.broken:
        err.print(
            f"{len(done.broken)} rows do not open and stay as they are ({', '.join(done.broken[:SHOWN])}): "
            "bring them back from a backup of the vault, then run this again"
        )
        raise typer.Exit(BROKEN)
