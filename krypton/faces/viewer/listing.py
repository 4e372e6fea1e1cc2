"""What the viewer asks before any image: which studies the link shows, and which series each has (PS3.18 10.6).

It asks for "the patient's other studies" by the number that the patient has in the first one. Whose they are is settled
by the link: the answer is the gate's, on that person, whatever numbers they bear elsewhere; and where the link is for
one study alone, it is that study.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from starlette.responses import Response

from krypton.faces.http.asked import Asked
from krypton.faces.viewer.links import viewing_of
from krypton.queries.image_search import series_of
from krypton.queries.images import Study
from krypton.queries.study_attributes import attribute, study_attributes
from krypton.queries.study_search import studies_found

JSON: Final = "application/dicom+json"
UIDS: Final = ("StudyInstanceUID", "0020000D")
MOST: Final = 1_000


def studies(asked: Asked) -> Response:
    """Those that the link shows, and that are asked for. Raises as the gate does."""
    stated = viewing_of(asked).asked
    wanted = {
        uid for name in UIDS for value in asked.query.get(name, ()) for uid in value.replace("\\", ",").split(",")
    }
    if stated.others and wanted != {stated.study_uid}:
        told = studies_found(asked.ours, asked.by, {}, person=str(stated.person), limit=MOST, offset=0)
        found = [study_attributes(one) for one in told.studies]
    else:
        found = [_attributes(_study(asked, stated.study_uid))]
    return _as_json(one for one in found if not wanted or one["0020000D"]["Value"][0] in wanted)


def series(asked: Asked) -> Response:
    """The series of a study. Raises NotFound, and as the gate does."""
    return _as_json(series_of(_study(asked, asked.path["study"]), {}))


def _study(asked: Asked, uid: str) -> Study:
    return Study(asked.ours.archive, asked.standing.seen(asked.by, uid, viewing_of(asked).asked.person))


def _attributes(study: Study) -> dict[str, Any]:
    """As its images say."""
    modalities = {value for one in study.series for value in one["said"].get("00080060", {}).get("Value", ())}
    return {
        **study.said,
        "0020000D": attribute("UI", study.uid),
        "00080061": attribute("CS", *sorted(modalities)),
        "00201206": attribute("IS", len(study.series)),
        "00201208": attribute("IS", sum(one["instances"] for one in study.series)),
    }


def _as_json(found: Iterable[Mapping[str, Any]]) -> Response:
    return Response(json.dumps([*found], ensure_ascii=False), media_type=JSON)
