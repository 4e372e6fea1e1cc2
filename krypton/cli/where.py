"""The option ``--where``: DICOM keys that studies, series or instances are to meet."""

from collections.abc import Sequence
from typing import Annotated

import typer

Where = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="KEYWORD=KEY",
        help="Only what meets a DICOM key, such as StudyDate=20260101-20260131; may be given several times.",
    ),
]


def keys(stated: Sequence[str]) -> dict[str, str]:
    """By keyword. Raises BadParameter, which repeats no value."""
    found = {keyword: key for keyword, sign, key in (one.partition("=") for one in stated) if sign}
    if len(found) < len(stated):
        raise typer.BadParameter("--where is KEYWORD=KEY, each keyword once, such as StudyDate=20260101-20260131")
    return found
