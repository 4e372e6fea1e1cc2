"""Series and instances of a study that may be shown (``images``), by keys of DICOM, as attributes of DICOM JSON.

They are what the archive's files say of them, without the patient: who that is, the ledger says. No instance is opened.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from adapters.archive.search import INSTANCES, SERIES, meeting
from krypton.queries.images import Study
from krypton.queries.study_attributes import UTF8, attribute

Attributes = dict[str, Any]


def checked_series(keys: Mapping[str, str]) -> None:
    """Raises BadKey: series are not searched by these keys."""
    meeting((), SERIES, keys)


def checked_instances(keys: Mapping[str, str]) -> None:
    """Raises BadKey: instances are not searched by these keys."""
    meeting((), INSTANCES, keys)


def series_of(study: Study, keys: Mapping[str, str]) -> Iterator[Attributes]:
    """Its series that meet all keys, in their order."""
    for one in meeting(study.series, SERIES, keys):
        yield _said(one["said"], study, one["uid"]) | {"00201209": attribute("IS", one["instances"])}


def instances_of(study: Study, series: Sequence[str], keys: Mapping[str, str]) -> Iterator[Attributes]:
    """The instances of these series that meet all keys, in their order. Raises NotFound."""
    for uid in series:
        for row in meeting([one.row for one in study.instances(uid)], INSTANCES, keys):
            syntax = attribute("UI", row["transfer_syntax"])  # Available Transfer Syntax UID
            yield _said(row["said"], study, uid) | {"00083002": syntax}


def _said(said: Mapping[str, Any], study: Study, series: str) -> Attributes:
    uids = {"0020000D": attribute("UI", study.uid), "0020000E": attribute("UI", series)}
    return {"00080005": attribute("CS", UTF8), **said, **uids}
