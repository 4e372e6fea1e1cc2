"""Routes of quick look: the page of a study, and how it looks and moves."""

from http import HTTPStatus

from starlette.responses import Response

from krypton.faces.http.asked import Asked
from krypton.faces.http.declared import Declared, Doors
from krypton.faces.http.problem import Problem
from krypton.faces.look.page import PATH, TYPES, own, page
from krypton.faces.look.series import Shown, shown
from krypton.queries.glance import glance_of

FILES = "how the page looks and moves: the same for everybody"
FOR_EVER = "public, max-age=31536000, immutable"


def routes(doors: Doors) -> list[Declared]:
    """All of them."""
    return [
        Declared(f"{PATH}/{{file}}", _file, doors, why_open=FILES, at_once=True),
        Declared("/studies/{study:uuid}", _page, doors, "study.show"),
    ]


def _page(asked: Asked) -> Response:
    study = asked.path["study"]
    glance = glance_of(asked.ours, asked.by, study)
    root = f"/people/{glance.told['person']}/dicom-web/studies/{glance.told['study']['study_uid']}"
    found = shown(glance.images, root) if glance.images else Shown((), (), ())
    return page(f"/studies/{study}", glance, found, asked.query)


def _file(asked: Asked) -> Response:
    for kind, media_type in TYPES.items():
        name, data = own(kind)
        if asked.path["file"] == name:
            return Response(data, headers={"content-type": media_type, "cache-control": FOR_EVER})
    raise Problem(HTTPStatus.NOT_FOUND, "there is no such file")
