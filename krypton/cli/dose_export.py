"""``krypton dose export``: what is known of a study's doses, in the form of a standard."""

import json
from pathlib import Path
from typing import Annotated

import typer

from krypton.cli.calling import ASKED, OWN, As, Why
from krypton.cli.connection import asker, krypton
from krypton.cli.dose_page import keep, new_file
from krypton.cli.given import line
from krypton.cli.options import Ref
from krypton.queries.person import dose_of

Study = Annotated[
    str, typer.Argument(metavar="STUDY", callback=line, help="Study Instance UID, as dose show names it; - reads it.")
]
Fhir = Annotated[
    Path, typer.Option("--fhir", metavar="OUT", help="Write a FHIR R4 bundle (Radiation Dose Summary) to OUT, new.")
]


def export(ref: Ref, study: Study, fhir: Fhir, who: As = OWN, reason: Why = ASKED) -> None:
    """What is known of a study's doses, as a document that another system reads."""
    new_file(fhir, "--fhir")
    ours = krypton()
    found = dose_of(ours, asker(ours, who, reason, ref), ref, task="dose.export")
    from krypton.faces.dose.standards.fhir import bundle

    keep(fhir, json.dumps(bundle(found, study), ensure_ascii=False, indent=1).encode())
