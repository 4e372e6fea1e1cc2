"""What the page shows of a study's images: its series, each with its key image, and where each of their pictures is."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final
from urllib.parse import urlencode

from domain.errors import NotFound
from krypton.queries.images import Instance, Study
from krypton.queries.report_text import KEY_OBJECTS, Line, is_report, key_images, lines

SOP_CLASS, TITLE = "00080016", "00420010"
PDF_CLASS, PDF = "1.2.840.10008.5.1.4.1.1.104.1", "00420011"
MODALITY, DESCRIPTION = "00080060", "0008103E"
AS_STORED: Final = "stored"
WINDOWS: Final[Mapping[str, Mapping[str, tuple[str, str]]]] = {
    "CT": {
        "soft": ("Soft tissue", "40,400,linear"),
        "lung": ("Lung", "-600,1500,linear"),
        "bone": ("Bone", "400,1800,linear"),
        "brain": ("Brain", "40,80,linear"),
    }
}
"""By modality: each preset's name for readers, and its centre and width in Hounsfield units (PS3.18 8.3.5.1.4)."""
LARGE, SMALL = "1024,1024", "160,160"


@dataclass(frozen=True)
class Series:
    """The pictures of one series, in order. ``root``: the address of the study's images."""

    root: str
    uid: str
    modality: str
    description: str
    instances: Sequence[Instance] = field(repr=False)
    keys: frozenset[str] = field(repr=False)

    @cached_property
    def count(self) -> int:
        """How many there are: each frame is one."""
        return sum(one.frames for one in self.instances)

    @property
    def label(self) -> str:
        """As readers know it."""
        return " – ".join(filter(None, (self.modality, self.description))) or "Series"

    @cached_property
    def key(self) -> int:
        """The picture by which it is known, from 1 on: one that a key object selection names, else the middle one."""
        before = 0
        for one in self.instances:
            if one.uid in self.keys and one.frames:
                return before + (one.frames + 1) // 2
            before += one.frames
        return (self.count + 1) // 2

    def place(self, number: int) -> tuple[Instance, int]:
        """The instance and frame of a picture, from 1 on."""
        for one in self.instances:
            if number <= one.frames:
                return one, number
            number -= one.frames
        raise NotFound("the series has no such image")

    def address(self, number: int, size: str, window: str = "") -> str:
        """Where a picture is."""
        instance, frame = self.place(number)
        asked = {"viewport": size} | ({"window": window} if window else {})
        at = f"{self.root}/series/{self.uid}/instances/{instance.uid}/frames/{frame}/rendered"
        return f"{at}?{urlencode(asked, safe=',')}"

    @property
    def windows(self) -> Mapping[str, tuple[str, str]]:
        """Presets, by name."""
        return {AS_STORED: ("As stored", ""), **WINDOWS.get(self.modality, {})}

    def for_script(self) -> str:
        """What the page's script needs to show any of them: JSON."""
        return json.dumps(
            {
                "root": f"{self.root}/series/{self.uid}/instances/",
                "images": [[one.uid, one.frames] for one in self.instances if one.frames],
                "size": LARGE,
                "windows": {name: window for name, (_, window) in self.windows.items()},
            }
        )


@dataclass(frozen=True)
class Paper:
    """A report as a file. ``address``: where it is."""

    title: str
    address: str


@dataclass(frozen=True)
class Shown:
    """All of a study. ``reports``: each as lines."""

    series: Sequence[Series]
    reports: Sequence[Sequence[Line]]
    papers: Sequence[Paper]


def shown(study: Study, root: str) -> Shown:
    """What there is to be shown. ``root``: the address of its images."""
    found, reports, papers, keys = (
        list[tuple[str, Any, list[Instance]]](),
        list[list[Line]](),
        list[Paper](),
        set[str](),
    )
    for one in study.series:
        instances = [*study.instances(one["uid"])]
        found.append((one["uid"], one["said"], instances))
        for instance in instances:
            sop_class = instance.said(SOP_CLASS)
            if sop_class == KEY_OBJECTS:
                keys |= key_images(_document(study, instance))
            elif is_report(sop_class):
                reports.append(lines(_document(study, instance)))
            elif sop_class == PDF_CLASS:
                at = f"{root}/series/{one['uid']}/instances/{instance.uid}/bulkdata/{PDF}"
                papers.append(Paper(str(instance.said(TITLE) or "Report"), at))
    series = [
        Series(root, uid, _said(said, MODALITY), _said(said, DESCRIPTION), instances, frozenset(keys))
        for uid, said, instances in found
    ]
    return Shown([one for one in series if one.count], reports, papers)


def _document(study: Study, instance: Instance) -> Mapping[str, Any]:
    document: Mapping[str, Any] = json.loads(study.document(instance.series, instance.uid))
    return document


def _said(said: Mapping[str, Any], tag: str) -> str:
    values = said.get(tag, {}).get("Value") or ("",)
    return str(values[0])
