"""What a request of DICOMweb asks for: its UIDs and frames, decided on by the gate, and found in the archive."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Final
from uuid import UUID

from krypton.faces.dicomweb.accept import Accepted
from krypton.faces.http.asked import Asked
from krypton.faces.http.problem import Problem
from krypton.queries.images import Instance, Study
from krypton.queries.study_uids import Ambiguous

DIGITS: Final = 7
SEVERAL: Final = (
    "two people whom you may see have a study of that UID: name whose is meant, as in /people/UUID/dicom-web/studies/…"
)
FRAMES: Final = "frames are numbers from 1 on with commas between, each once"


def study_of(asked: Asked, uid: str) -> Study:
    """A study by its UID, decided on. Raises NotFound, Problem 409, and as the gate does."""
    person: UUID | None = asked.path.get("person")
    try:
        seen = asked.standing.seen(asked.by, uid, person)
    except Ambiguous:
        raise Problem(HTTPStatus.CONFLICT, SEVERAL) from None
    return Study(asked.ours.archive, seen)


class Question:
    """A request about a study."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self.accepted = Accepted(asked.headers.get("accept", ""), asked.query.get("accept", ()))

    def study(self) -> Study:
        """The study, decided on. Raises as ``study_of``."""
        return study_of(self._asked, self._asked.path["study"])

    @property
    def series(self) -> str:
        """The series' UID, as it is asked for."""
        return str(self._asked.path["series"])

    def instance(self) -> Instance:
        """The instance. Raises NotFound."""
        return self.study().instance(self.series, self._asked.path["instance"])

    @property
    def bulk(self) -> str:
        """The path of a value."""
        return str(self._asked.path["bulk"])

    def frames(self) -> Sequence[int]:
        """Raises Problem 400."""
        words = self._asked.path["frames"].split(",")
        good = all(one.isascii() and one.isdigit() and len(one) <= DIGITS and int(one) > 0 for one in words)
        if not good or len({int(one) for one in words}) < len(words):
            raise Problem(HTTPStatus.BAD_REQUEST, FRAMES)
        return [int(one) for one in words]

    @property
    def root(self) -> str:
        """The address of the study: below that of a person or of a link to the viewer, where it is asked for so."""
        path = self._asked.path
        before = (
            f"/viewer/s/{path['link']}" if "link" in path else f"/people/{path['person']}" if "person" in path else ""
        )
        return f"{before}/dicom-web/studies/{path['study']}"

    def parameter(self, name: str) -> str:
        """A parameter of the query; empty where there is none."""
        return next(iter(self._asked.query.get(name, ())), "")

    def header(self, name: str) -> str:
        """A header; empty where there is none."""
        return self._asked.headers.get(name, "")
