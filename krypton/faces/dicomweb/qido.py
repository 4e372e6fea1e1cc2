"""QIDO-RS: finds studies, series and instances over HTTP. Source: DICOM PS3.18 10.6 (Search), 8.3.4 (parameters).

Studies are those of all of whom the caller may be shown any (``study_search``); series and instances are what the
archive's files say of one study, on which a decision stands. No DICOM file is opened. An answer holds all that is known
at its level, whatever fields were asked for; nothing found is 204.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from starlette.responses import Response

from domain.errors import NotFound
from domain.query_keys import BadKey
from krypton.faces.dicomweb.accept import Accepted, unacceptable
from krypton.faces.dicomweb.asked_for import Search, search_in
from krypton.faces.dicomweb.asking import study_of
from krypton.faces.http.asked import Answer, Asked
from krypton.faces.http.declared import Declared, Doors
from krypton.faces.http.problem import Problem
from krypton.queries.image_search import checked_instances, checked_series, instances_of, series_of
from krypton.queries.images import Study
from krypton.queries.study_attributes import attribute, study_attributes
from krypton.queries.study_search import studies_found

JSON: Final = ("application/dicom+json", "application/json")
MORE: Final = "There are additional results that can be requested"
NOT_FUZZY: Final = (
    "The fuzzymatching parameter is not supported. Only literal matching has been performed."  # as PS3.18 words it
)
ONE_STUDY: Final = "series and instances are those of one study: name it, StudyInstanceUID=…"
_HOST: Final = re.compile(r"[A-Za-z0-9.-]{1,255}(?::[0-9]{1,5})?|\[[0-9A-Fa-f:]{2,45}\](?::[0-9]{1,5})?")
Found = tuple[Sequence[Mapping[str, Any]], bool]
"""Attributes of each result, and whether there are others after these."""


def routes(doors: Doors, roots: Sequence[str]) -> Sequence[Declared]:
    """All of them. ``roots``: before each path; below one with a ``person``, theirs alone are found."""
    found = []
    for root in roots:
        for path, task, find in (
            ("/studies", "study.search", _studies),
            ("/series", "study.show", _series),
            ("/instances", "study.show", _instances),
            ("/studies/{study}/series", "study.show", _series),
            ("/studies/{study}/instances", "study.show", _instances),
            ("/studies/{study}/series/{series}/instances", "study.show", _instances),
        ):
            found.append(Declared(f"{root}{path}", _searched(find), doors, task))
    return found


def _searched(find: Callable[["_Asked"], Found]) -> Answer:
    """Answers with what is found."""

    def answer(asked: Asked) -> Response:
        accepted = Accepted(asked.headers.get("accept", ""), asked.query.get("accept", ()))
        if (media_type := accepted.best(JSON)) is None:
            raise unacceptable(JSON[0])
        try:
            search = search_in(asked.query)
            results, more = find(_Asked(asked, search))
        except BadKey as bad:
            raise Problem(HTTPStatus.BAD_REQUEST, str(bad)) from None
        said = [MORE] * more + [NOT_FUZZY] * search.fuzzy
        headers = {"Warning": ", ".join(f'299 krypton "{one}"' for one in said)} if said else {}
        if not results:
            return Response(status_code=HTTPStatus.NO_CONTENT, headers=headers)
        body = json.dumps(results, ensure_ascii=False, separators=(",", ":")).encode()
        return Response(body, media_type=media_type, headers=headers)

    return answer


class _Asked:
    """One search. ``keys``: those that no path says already."""

    def __init__(self, asked: Asked, search: Search) -> None:
        self.asked, self.search = asked, search
        self.keys = dict(search.keys)

    def uid(self, part: str, name: str) -> str:
        """A UID that the path says, or else a key; empty where neither does. Raises BadKey."""
        if part in self.asked.path:
            if self.keys.pop(name, ""):
                raise BadKey(f"{name}: the address says it")
            return str(self.asked.path[part])
        return self.keys.pop(name, "").strip()

    def study(self, uid: str) -> Study:
        """The study whose series or instances are sought, decided on. Raises BadKey, NotFound, Problem 409."""
        if not uid:
            raise BadKey(ONE_STUDY)
        return study_of(self.asked, uid)

    def url(self, below: str) -> dict[str, Any]:
        """Where something can be fetched, if the caller said to whom it speaks."""
        person = f"/people/{self.asked.path['person']}" if "person" in self.asked.path else ""
        host = self.asked.headers.get("host", "")
        if not _HOST.fullmatch(host):
            return attribute("UR")
        scheme = "https" if self.asked.exchange.secure else "http"
        return attribute("UR", f"{scheme}://{host}{person}/dicom-web/{below}")

    def page(self, results: Iterable[Mapping[str, Any]]) -> Found:
        """Those that are asked for, of all."""
        held, end = list(results), self.search.offset + self.search.limit
        return held[self.search.offset : end], len(held) > end


def _studies(asked: _Asked) -> Found:
    search, person = asked.search, asked.asked.path.get("person")
    found = studies_found(
        asked.asked.ours,
        asked.asked.by,
        asked.keys,
        person=None if person is None else str(person),
        limit=search.limit,
        offset=search.offset,
    )
    return [
        study_attributes(study) | {"00081190": asked.url(f"studies/{study['study_uid']}")} for study in found.studies
    ], found.more


def _series(asked: _Asked) -> Found:
    uid = asked.uid("study", "StudyInstanceUID")
    checked_series(asked.keys)
    study = asked.study(uid)
    return asked.page(
        one | {"00081190": asked.url(f"studies/{study.uid}/series/{_uid_of(one, '0020000E')}")}
        for one in series_of(study, asked.keys)
    )


def _instances(asked: _Asked) -> Found:
    uid, series = asked.uid("study", "StudyInstanceUID"), asked.uid("series", "SeriesInstanceUID")
    checked_instances(asked.keys)
    study = asked.study(uid)
    wanted = set(filter(None, (one.strip() for one in series.split("\\"))))
    found = [each["uid"] for each in study.series if not wanted or each["uid"] in wanted]
    if "series" in asked.asked.path and not found:
        raise NotFound("the study has no such series")
    below = f"studies/{study.uid}/series"
    return asked.page(
        one | {"00081190": asked.url(f"{below}/{_uid_of(one, '0020000E')}/instances/{_uid_of(one, '00080018')}")}
        for one in instances_of(study, found, asked.keys)
    )


def _uid_of(said: Mapping[str, Any], tag: str) -> str:
    """A UID that an attribute holds."""
    return str(next(iter(said.get(tag, {}).get("Value", ())), ""))
