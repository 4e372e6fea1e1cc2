"""Gives a study out as one ZIP file: DICOMDIR, its instances as they came in, checksums; for a person to take away."""

from collections.abc import Sequence
from typing import Final

from starlette.responses import Response

from krypton.faces.dicomweb.sending import Reading, Streamed
from krypton.faces.http.asked import Asked
from krypton.faces.http.declared import Declared, Doors
from krypton.queries.takeaway import study_files

PATH: Final = "/api/studies/{study:uuid}/files"
MEDIA_TYPE: Final = "application/zip"


def routes(doors: Doors) -> Sequence[Declared]:
    """The one route."""
    reading = Reading(doors.reading, doors.waiting)

    def answer(asked: Asked) -> Response:
        found = study_files(asked.ours, asked.by, asked.path["study"])
        name = f'attachment; filename="study-{asked.path["study"]}.zip"'
        told = {"Content-Length": str(found.size), "Content-Disposition": name}
        return Streamed(reading, found.pieces, MEDIA_TYPE, told)

    return [Declared(PATH, answer, doors, "study.export")]
