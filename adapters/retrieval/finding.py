"""Answers C-FIND: studies of whoever the asker may see, series and instances of one study, patients of these studies.

Series and instances are what the archive's files say; no instance is opened. A key that is not compared is no reason to
find nothing: the answers say so by their status. Texts are UTF-8. Source: PS3.4 C.4.1, C.6.1, C.6.2.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from pydicom.datadict import keyword_for_tag

from adapters.archive.archive import Archive, NotHeld
from adapters.archive.search import INSTANCES, SERIES, meeting
from adapters.archive.search import Level as Keys
from adapters.dicom.network.dialogue import Dialogue
from adapters.dicom.network.dimse import Answer
from adapters.dicom.refusal import Unreadable
from adapters.retrieval.identifier import CHARACTER_SET, UTF_8, Attributes, one, read, uids, write
from adapters.retrieval.levels import (
    ISSUER,
    LEVEL,
    PATIENT_ID,
    SERIES_UID,
    SOP_UID,
    STUDY_UID,
    Level,
    WrongIdentifier,
    level_of,
)
from adapters.retrieval.port import Asker, Shelf
from domain.query_keys import BadKey

MOST: Final = 500
"""Answers to one query."""
AE_TITLE, AVAILABILITY = "00080054", "00080056"
NOT_KEYS: Final = frozenset({CHARACTER_SET, LEVEL, AE_TITLE, AVAILABILITY, "00080201"})
STUDIES: Final = frozenset(
    {
        *("StudyInstanceUID", "StudyDate", "StudyTime", "AccessionNumber", "StudyDescription", "ModalitiesInStudy"),
        *("PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate"),
    }
)
"""Keys of studies that are compared."""
PATIENTS: Final = ("00100010", PATIENT_ID, ISSUER, "00100030", "00100040")


class Status(IntEnum):
    """Answers to a C-FIND, PS3.4 table C.4-1."""

    SUCCESS = 0x0000
    TOO_MANY = 0xA700
    DOES_NOT_MATCH_CLASS = 0xA900
    UNABLE = 0xC000
    CANCELLED = 0xFE00
    PENDING = 0xFF00
    PENDING_NOT_ALL_KEYS = 0xFF01


@dataclass
class Finder:
    """Serves C-FIND. ``ae_title``: where what is found can be fetched."""

    shelf: Shelf
    archive: Archive
    ae_title: str
    most: int = MOST

    def serve(self, dialogue: Dialogue) -> None:
        """To its last answer. Raises what ends the association."""
        try:
            query = _Query(read(dialogue.data, dialogue.context.transfer), dialogue.asked.sop_class)
            found, more = self._found(query, Asker(dialogue.agreed.calling, dialogue.agreed.site, "C-FIND"))
        except BadKey as bad:
            dialogue.answer(Answer(Status.UNABLE, str(bad)))
            return
        except Unreadable as unfit:
            dialogue.answer(Answer(Status.DOES_NOT_MATCH_CLASS, str(unfit)))
            return
        pending = Answer(Status.PENDING_NOT_ALL_KEYS if query.ignored else Status.PENDING)
        for answer in found:
            if dialogue.cancelled():
                dialogue.answer(Answer(Status.CANCELLED))
                return
            dialogue.answer(pending, write(query.shown(answer, self.ae_title), dialogue.context.transfer))
        told = f"more than {self.most} answers: say more of what is sought"
        dialogue.answer(Answer(Status.TOO_MANY, told) if more else Answer(Status.SUCCESS))

    def _found(self, query: "_Query", asker: Asker) -> tuple[list[Attributes], bool]:
        """Raises BadKey, Unreadable."""
        if query.level in (Level.PATIENT, Level.STUDY):
            found, more = self.shelf.found(asker, query.keys(STUDIES), self.most)
            found = [self._completed(query, study) for study in found]
            return (_patients(found) if query.level is Level.PATIENT else found), more
        below = list(self._below(query, asker))
        return below[: self.most], len(below) > self.most

    def _completed(self, query: "_Query", study: Attributes) -> Attributes:
        """With what the archive alone knows of a study, where that is asked for."""
        said: Mapping[str, Any] = {}
        if query.asked.keys() - study.keys() - NOT_KEYS and query.level is Level.STUDY:
            said = self._said(str(study.get("id", "")))
        return {**said, **{tag: value for tag, value in study.items() if tag != "id"}}

    def _said(self, study: str) -> Mapping[str, Any]:
        try:
            told: Mapping[str, Any] = self.archive.study(study)["said"]
        except NotHeld:
            return {}
        return told

    def _below(self, query: "_Query", asker: Asker) -> Iterator[Attributes]:
        """Series, or instances, of the one study that is named. Raises BadKey, Unreadable."""
        uid = query.only(STUDY_UID)
        series = query.only(SERIES_UID) if query.level is Level.IMAGE else ""
        person, known = self._person(query, asker)
        for study in self.shelf.studies(asker, uid, person) if known else ():
            try:
                told = self.archive.study(study)
            except NotHeld:
                continue
            above = {**told["said"], STUDY_UID: _uid(uid)}
            for found in self._series(query, told["series"]) if not series else self._instances(query, study, series):
                yield {**above, **found}

    def _person(self, query: "_Query", asker: Asker) -> tuple[str | None, bool]:
        """Of whom, where the query says a number; and whether that number leads to anybody."""
        number = one(query.asked, PATIENT_ID)
        if not number or set(number) & set("*?"):
            return None, True
        person = self.shelf.person(asker, number, one(query.asked, ISSUER))
        return person, person is not None

    @staticmethod
    def _series(query: "_Query", series: Sequence[Mapping[str, Any]]) -> Iterable[Attributes]:
        for found in meeting(series, SERIES, query.keys(SERIES)):
            counted = {"vr": "IS", "Value": [found["instances"]]}
            yield {**found["said"], SERIES_UID: _uid(found["uid"]), "00201209": counted}

    def _instances(self, query: "_Query", study: str, series: str) -> Iterable[Attributes]:
        try:
            rows = self.archive.instances(study, series)
        except NotHeld:
            return
        for row in meeting(rows, INSTANCES, query.keys(INSTANCES)):
            yield {**row["said"], SERIES_UID: _uid(series), SOP_UID: _uid(row["sop_uid"])}


class _Query:
    """An identifier, as it is asked. Raises WrongIdentifier."""

    def __init__(self, asked: Attributes, sop_class: str) -> None:
        self.asked, self.level = asked, level_of(asked, sop_class)
        self.ignored = False

    def only(self, tag: str) -> str:
        """The one UID of a level above. Raises WrongIdentifier."""
        found = uids(self.asked, tag)
        if len(found) != 1:
            raise WrongIdentifier(f"level {self.level} asks for one {keyword_for_tag(tag)}")
        return found[0]

    def keys(self, known: Keys | frozenset[str]) -> dict[str, str]:
        """What is compared, by keyword; of sequences, what is asked of an item."""
        found: dict[str, str] = {}
        above = {Level.SERIES: {STUDY_UID}, Level.IMAGE: {STUDY_UID, SERIES_UID}}.get(self.level, set())
        for keyword, key in _stated(self.asked, {*NOT_KEYS, *above}):
            if keyword in known:
                found[keyword] = key
            elif keyword not in STUDIES:
                self.ignored = True
        return found

    def shown(self, found: Mapping[str, Any], ae_title: str) -> Attributes:
        """What an answer shows: what was asked for, whatever is known of it."""
        unique = {Level.SERIES: (STUDY_UID,), Level.IMAGE: (STUDY_UID, SERIES_UID)}.get(self.level, ())
        told = {tag: found.get(tag, {"vr": asked["vr"]}) for tag, asked in self.asked.items() if tag != AVAILABILITY}
        told |= {tag: found[tag] for tag in unique}
        if AVAILABILITY in self.asked:
            told[AVAILABILITY] = {"vr": "CS", "Value": ["ONLINE"]}
        return told | {
            CHARACTER_SET: {"vr": "CS", "Value": [UTF_8]},
            LEVEL: {"vr": "CS", "Value": [str(self.level)]},
            AE_TITLE: {"vr": "AE", "Value": [ae_title]},
        }


def _stated(asked: Attributes, besides: set[str]) -> Iterator[tuple[str, str]]:
    """Each key that has a value, by keyword."""
    for tag, attribute in asked.items():
        keyword = keyword_for_tag(tag)
        if tag in besides or not keyword:
            continue
        if attribute.get("vr") == "SQ":
            items = [item for item in attribute.get("Value", ()) if isinstance(item, Mapping)][:1]
            inner = (stated for item in items for stated in _stated(dict(item), set()))
            yield from ((f"{keyword}.{name}", key) for name, key in inner)
        elif key := one(asked, tag):
            yield keyword, key


def _patients(studies: Iterable[Attributes]) -> list[Attributes]:
    """Each patient of these studies once."""
    found: dict[tuple[str, str], Attributes] = {}
    for study in studies:
        who = one(study, PATIENT_ID), one(study, ISSUER)
        found.setdefault(who, {tag: study[tag] for tag in PATIENTS if tag in study})
    return list(found.values())


def _uid(uid: str) -> dict[str, Any]:
    return {"vr": "UI", "Value": [uid]}
