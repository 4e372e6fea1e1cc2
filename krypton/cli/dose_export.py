"""``krypton dose export``: what is known of a study's doses, in the form of a standard."""

import json
from pathlib import Path
from typing import Annotated

import typer

from krypton.cli.calling import ASKED, OWN, As, Why
from krypton.cli.connection import asker, krypton
from krypton.cli.given import line
from krypton.cli.new_files import keep, new_file
from krypton.cli.options import Ref

Study = Annotated[
    str, typer.Argument(metavar="STUDY", callback=line, help="Study Instance UID, as dose show names it; - reads it.")
]
Fhir = Annotated[
    Path | None,
    typer.Option("--fhir", metavar="OUT", help="Write a FHIR R4 bundle (Radiation Dose Summary) to OUT, new."),
]
Dicom = Annotated[
    Path | None,
    typer.Option(
        "--dicom",
        metavar="OUT",
        help="Write a DICOM Patient Radiation Dose SR to OUT, new. Run it where the dose reports were taken in.",
    ),
]


def export(ref: Ref, study: Study, fhir: Fhir = None, dicom: Dicom = None, who: As = OWN, reason: Why = ASKED) -> None:
    """What is known of a study's doses, as a document that another system reads."""
    forms = {"--fhir": fhir, "--dicom": dicom}
    asked = [(option, out) for option, out in forms.items() if out is not None]
    if len(asked) != 1:
        raise typer.BadParameter("say in which form: --fhir OUT or --dicom OUT", param_hint="--fhir")
    ((option, out),) = asked
    new_file(out, option)
    ours = krypton()
    caller = asker(ours, who, reason, ref)
    from krypton.faces.dose.standards.given import dose_bundle_of, dose_report_of

    if option == "--dicom":
        keep(out, dose_report_of(ours, caller, ref, study))
    else:
        keep(out, json.dumps(dose_bundle_of(ours, caller, ref, study), ensure_ascii=False, indent=1).encode())
