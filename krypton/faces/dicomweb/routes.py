"""Routes of DICOMweb: of each study, and of one person's studies, where a UID alone does not say whose is meant."""

from collections.abc import Mapping, Sequence
from typing import Final

from krypton.faces.dicomweb import qido
from krypton.faces.dicomweb.rendered import Rendered
from krypton.faces.dicomweb.retrieve import Retrieve
from krypton.faces.dicomweb.sending import Reading
from krypton.faces.http.asked import Answer
from krypton.faces.http.declared import Declared, Doors

ROOTS: Final = ("/dicom-web", "/people/{person:uuid}/dicom-web")
STUDY: Final = "/studies/{study}"
SERIES: Final = f"{STUDY}/series/{{series}}"
INSTANCE: Final = f"{SERIES}/instances/{{instance}}"
TASK: Final = "study.show"


def answers(doors: Doors) -> Mapping[str, Answer]:
    """What answers below any root, by path."""
    reading = Reading(doors.reading, doors.waiting)
    retrieve = Retrieve(reading, doors.pictures)
    found: dict[str, Answer] = {
        STUDY: retrieve.study,
        f"{STUDY}/metadata": retrieve.study_metadata,
        SERIES: retrieve.series,
        f"{SERIES}/metadata": retrieve.series_metadata,
        INSTANCE: retrieve.instance,
        f"{INSTANCE}/metadata": retrieve.instance_metadata,
        f"{INSTANCE}/frames/{{frames}}": retrieve.frames,
        f"{INSTANCE}/bulkdata/{{bulk:path}}": retrieve.bulk,
    }
    for name, small in (("rendered", False), ("thumbnail", True)):
        rendered = Rendered(reading, doors.pictures, small)
        found |= {
            f"{STUDY}/{name}": rendered.study,
            f"{SERIES}/{name}": rendered.series,
            f"{INSTANCE}/{name}": rendered.instance,
            f"{INSTANCE}/frames/{{frames}}/{name}": rendered.frames,
        }
    return found


def routes(doors: Doors) -> Sequence[Declared]:
    """All of them."""
    images = [Declared(f"{root}{path}", each, doors, TASK) for root in ROOTS for path, each in answers(doors).items()]
    return [*images, *qido.routes(doors, ROOTS)]
