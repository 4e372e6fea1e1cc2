"""Routes of the viewer: its program, which is the same for everybody, and the page that starts it."""

from starlette.responses import Response

from krypton.faces.http.declared import Asked, Declared, Doors
from krypton.faces.viewer.program import Program
from krypton.ohif.lock import BASE

PROGRAM = "the viewer's program, an open-source package and its configuration: the same for everybody"
PAGE = "starts the viewer's program, and shows nothing: what that asks for is asked of the gate"


def routes(doors: Doors) -> list[Declared]:
    """All of them."""
    program = Program(doors.ours.settings.web_viewer)

    def file(asked: Asked) -> Response:
        return program.file(asked.path["file"], asked.headers)

    def page(_: Asked) -> Response:
        return program.page()

    return [
        Declared(f"{BASE}{{file:path}}", file, doors, why_open=PROGRAM, at_once=True),
        Declared("/viewer/s/{link:uuid}/basic", page, doors, why_open=PAGE, at_once=True),
    ]
