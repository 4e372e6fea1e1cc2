"""Images as an archive keeps them, and a gate that shows all of them: for tests of who gives them out."""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

from adapters.archive.archive import Archive
from adapters.archive.entry import Row
from adapters.dicom.folder import ingest_paths
from adapters.dicom.inlet import spool_at
from adapters.dicom.part10 import read_file_meta
from krypton.queries.standing import Seen
from tests.fakes.dicom import SITE, enrolled, of_type, write
from tests.fakes.web import PERSON, Queries


class Kept:
    """What was taken in from sites; each study is seen under its UID."""

    def __init__(self, folder: Path, queries: Queries) -> None:
        self._folder, self._queries = folder, queries
        self._ledger = enrolled()
        self.archive = Archive(spool_at(folder / "spool", room=0))

    def take_in(self, images: Iterable[Dataset | Path], site: str = SITE) -> str:
        """Take them in; returns the UID of the study that is new, or has grown."""
        given = list(images)
        paths = [one for one in given if isinstance(one, Path)]
        paths += write(self._folder / f"in-{len(list(self._folder.iterdir()))}", [
            one for one in given if isinstance(one, Dataset)
        ])  # fmt: skip
        ingest_paths(paths, site, self._ledger, self.archive.spool, lambda _: None)
        studies = dict[str, list[str]]()
        for event in of_type(self._ledger, "study.arrived"):
            studies.setdefault(event.data["study_uid"], []).append(str(event.aggregate_id))
        for uid, ids in studies.items():
            self._queries.seen[uid] = Seen(uid, tuple(ids), PERSON, frozenset([PERSON]))
        return str(of_type(self._ledger, "study.arrived", "study.extended")[-1].data["study_uid"])

    def rows(self, uid: str) -> Sequence[tuple[str, Row]]:
        """Of each instance of a study its series and what the archive knows of it."""
        found = []
        for study in self._queries.seen[uid].studies:
            for series in self.archive.study(study)["series"]:
                found += [(series["uid"], row) for row in self.archive.instances(study, series["uid"])]
        return found


def address(uid: str, series: str = "", instance: str = "", more: str = "", root: str = "/dicom-web") -> str:
    """Where a part of a study is."""
    path = f"{root}/studies/{uid}" + (f"/series/{series}" if series else "")
    return path + (f"/instances/{instance}" if instance else "") + more


def data_set(file: bytes) -> bytes:
    """The bytes of a file without preamble and File Meta, which are those of whoever wrote it."""
    return file[read_file_meta(file).offset :]


def digest(file: bytes) -> str:
    """As the archive has it."""
    return hashlib.sha256(data_set(file)).hexdigest()


def parts(answer: Any) -> list[tuple[dict[str, str], bytes]]:
    """Headers and bytes of each part of a multipart answer, read as strictly as RFC 2046 has it."""
    kind, *parameters = [one.strip() for one in answer.headers["content-type"].split(";")]
    assert kind == "multipart/related"
    given = dict(one.split("=", 1) for one in parameters)
    mark = f"--{given['boundary']}".encode()
    body: bytes = answer.content
    assert int(answer.headers.get("content-length", len(body))) == len(body)
    found = []
    while not body.startswith(mark + b"--"):
        head, _, rest = body.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        assert first == mark.decode()
        headers = dict(line.split(": ", 1) for line in lines)
        assert headers["Content-Type"].split(";")[0] == given["type"].strip('"')
        length = int(headers["Content-Length"])
        found.append((headers, rest[:length]))
        assert rest[length : length + 2] == b"\r\n"
        body = rest[length + 2 :]
    assert body == mark + b"--\r\n"
    return found
