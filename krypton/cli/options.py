"""Options that many commands share, and what they are for."""

from typing import Annotated
from uuid import UUID

import typer

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
Actor = Annotated[str, typer.Option("--actor", help="Who asks: rpps:…, aet:…, system:….")]
CommandId = Annotated[
    UUID | None, typer.Option("--command-id", help="A uuid; repeating one is harmless and answers as the first time.")
]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept sealed.")]
Ref = Annotated[str, typer.Argument(help="ASSIGNER|LOCAL_ID, an identity's or a person's uuid, or INS|matricule.")]
