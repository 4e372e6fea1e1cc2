"""Routes of the viewer: its program, the same for everybody; links that open it; and images, as a link shows them."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from starlette.responses import Response

from krypton.faces.dicomweb.routes import STUDY, answers
from krypton.faces.http.asked import Asked
from krypton.faces.http.declared import Declared, Doors
from krypton.faces.http.workers import Workers
from krypton.faces.viewer import listing
from krypton.faces.viewer.links import PATH, ByLink, within
from krypton.faces.viewer.opening import OPEN, Opening
from krypton.faces.viewer.ports import Viewings
from krypton.faces.viewer.program import Program
from krypton.ohif.lock import BASE

PROGRAM = "the viewer's program, an open-source package and its configuration: the same for everybody"
PAGE = "starts the viewer's program, and shows nothing: what that asks for is asked of the gate"
ONCE = "whoever brings a link's token, which is good once; it shows nothing"
WHY = "says to whoever has a link's cookie why it shows nothing any more"
LINK = f"{PATH}/{{link:uuid}}"
IMAGES = f"{LINK}/dicom-web"
TASK = "study.show"


@dataclass(frozen=True)
class Links:
    """The store of viewings, the threads that look there, and whether who asked for a link may sign in still."""

    viewings: Viewings
    threads: Workers
    still: Callable[[str], bool]


def routes(doors: Doors, links: Links | None) -> list[Declared]:
    """All of them. ``links``: None where there is no store of them."""
    program = Program(doors.ours.settings.web_viewer)

    def file(asked: Asked) -> Response:
        return program.file(asked.path["file"], asked.headers)

    def start(_: Asked) -> Response:
        return program.page()

    found = [
        Declared(f"{BASE}{{file:path}}", file, doors, why_open=PROGRAM, at_once=True),
        Declared(f"{LINK}/basic", start, doors, why_open=PAGE, at_once=True),
    ]
    return found + (_linked(doors, links) if links else [])


def _linked(doors: Doors, links: Links) -> list[Declared]:
    opening = Opening(links.viewings, links.still)
    by_link = replace(doors, ways=[ByLink(links.viewings, links.threads, links.still, doors.ways)])
    images = {"/studies": listing.studies, f"{STUDY}/series": listing.series, **answers(doors)}
    return [
        Declared("/studies/{study:uuid}/viewer", opening.ask, doors, TASK, method="POST"),
        Declared(f"{OPEN}/{{token}}", opening.open, doors, why_open=ONCE, threads=links.threads),
        Declared(f"{LINK}/ended", opening.ended, doors, why_open=WHY, threads=doors.asking),
        *(Declared(f"{IMAGES}{path}", within(answer), by_link, TASK) for path, answer in images.items()),
    ]
