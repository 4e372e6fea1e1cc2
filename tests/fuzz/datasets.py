"""Data sets as they arrive: each is understood, kept whole and recorded, or refused with a reason that names nobody."""

import io
import json
import logging
import shutil
from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any, Final

from adapters.archive.entry import read_entry
from adapters.archive.frames import Frames
from adapters.archive.pixels import read_frame
from adapters.dicom.attributes import Instance, read_header, read_instance
from adapters.dicom.bounds import Most
from adapters.dicom.inlet import Instances, recorder, spool_at
from adapters.dicom.intake import arriving, keep_dataset, read_back
from adapters.dicom.network.association import ToStore
from adapters.dicom.part10 import read_file_meta
from adapters.inbox.desk import open_desk
from adapters.inbox.refusal import Refused
from domain.texts import CONTROL
from tests import real_files
from tests.fakes.dicom import AE_TITLE, ENCAPSULATED_PDF, SITE, enrolled, instance, part10, report
from tests.fuzz import dicom_trees
from tests.fuzz.dicom_trees import BIG, DEFLATED, IMPLICIT
from tests.fuzz.frame import ROOT, Wrong, scratch

MOST: Final = Most(inflated_mib=1, header_mib=1)
LARGEST_SEED: Final = 20_000  # bytes
NAMES: Final = ("TESTPATIENT", "FICTIVEMENT", "Durandine")
MOST_FRAMES: Final = 3
RENEWED: Final = 300  # inputs after which spool and ledger begin again


def small_files() -> list[bytes]:
    """Failing inputs of the past, and plain objects in each uncompressed transfer syntax."""
    person = {"PatientName": "TESTPATIENT^FICTIVEMENT", "PatientID": "Durandine-7", "AccessionNumber": "A-1"}
    made = [
        part10(instance(**person)),
        part10(instance(**person, PixelData=bytes(200), BitsAllocated=8)),
        part10(instance(**person, SpecificCharacterSet="ISO_IR 100"), IMPLICIT),
        part10(report(**person, content=3)),
        part10(instance(SOPClassUID=ENCAPSULATED_PDF, DocumentTitle="Compte rendu", **person)),
    ]
    syntaxes = [
        dicom_trees.written(dicom_trees.parsed(one), syntax, Random(0)) for one in made for syntax in (BIG, DEFLATED)
    ]
    cases = [path.read_bytes() for path in sorted((ROOT / "tests/data/dicom_cases").glob("*.dcm"))]
    return [one for one in (*made, *syntaxes, *cases) if one and len(one) <= LARGEST_SEED]


def real_reports() -> list[bytes]:
    """Dose reports and images of real devices."""
    files = sorted(real_files.folder().glob("*.dcm"))
    return [path.read_bytes() for path in files if path.stat().st_size <= LARGEST_SEED]


class Datasets:
    """See the module."""

    name = "datasets"

    def __init__(self) -> None:
        self._folder = scratch()
        self._count = 0
        self._log = _Said()
        logging.getLogger("adapters").addHandler(self._log)
        self._begin()

    def _begin(self) -> None:
        self._spool = spool_at(self._folder / f"{self._count}", room=0)
        self._desk = open_desk(self._spool)
        self._ledger = enrolled()

    def seeds(self) -> Sequence[bytes]:
        """See ``Target``."""
        return [*small_files(), *real_reports()]

    def changed(self, given: bytes, other: bytes, random: Random) -> bytes:
        """See ``Target``."""
        return dicom_trees.changed(given, other, random)

    def close(self) -> None:
        """See ``Target``."""
        logging.getLogger("adapters").removeHandler(self._log)
        self._desk.leave()
        shutil.rmtree(self._folder)

    def answer(self, given: bytes) -> str:
        """Take it in as the service does; read it back as after a restart; record it."""
        self._count += 1
        if self._count % RENEWED == 0:
            self._desk.leave()
            shutil.rmtree(self._spool.root)
            self._begin()
        self._log.lines.clear()
        try:
            meta = read_file_meta(given)
            syntax, body = meta.transfer_syntax, given[meta.offset :]
        except Refused:
            syntax, body = dicom_trees.EXPLICIT, given
        said = self._take_in(syntax, body)
        self._names_nobody("\n".join(self._log.lines), _names_in(body, syntax))
        return said

    def _take_in(self, syntax: str, body: bytes) -> str:
        named = _named(body, syntax)
        came = arriving(self._desk, named, AE_TITLE)
        try:
            came.write(body)
            held = keep_dataset(self._desk, came, named, site=SITE, actor=f"aet:{AE_TITLE}", most=MOST)
        except Refused as refused:
            self._names_nobody(str(refused), _names_in(body, syntax))
            if not str(refused):
                raise Wrong("a refusal without a reason") from None
            return f"{type(refused).__name__}: {refused}"
        finally:
            came.discard()
        if held is None:
            return "held already"
        return self._recorded(held, body)

    def _recorded(self, held: Any, body: bytes) -> str:
        kept = self._desk.where(held.name).read_bytes()
        if not kept.endswith(body) or len(kept) - len(body) > 1_000:
            raise Wrong("kept: other bytes than were sent")
        again = read_back(self._desk, held.name)
        if replace(again, second=held.second) != held:
            raise Wrong("read back: something else than was understood when it came")
        batch = Instances().begin(held)
        batch.add(held)
        outcome = recorder(self._desk, self._ledger).record(batch.close())
        events = self._ledger.history(self._head(outcome.positions))
        for event in events:
            _can_be_stored(event.data)
        shown = "" if outcome.refusal or held.second else self._shown(held, body)
        kind = "refused" if outcome.refusal else "+".join(sorted({event.type for event in events}))
        document = held.document
        unread = document.report.unread if document else None
        return f"{kind} {document.report.kind if document else ''} {unread or ''} {bool(held.second)} {shown}"

    def _shown(self, held: Any, body: bytes) -> str:
        """What the archive makes of it: JSON and frames within the file, or a reason why it cannot be shown."""
        claim = self._spool.claim_below(SITE, held.name.uid)
        try:
            entry = read_entry(self._spool.root, claim, MOST)
        except Refused as refused:
            self._names_nobody(str(refused), {*NAMES})
            return f"not shown: {refused}"
        told = json.loads(entry.document, parse_constant=_no_json)
        if told["00080018"]["Value"] != [held.name.uid] or entry.series != held.instance.series_uid:
            raise Wrong("shown: as another instance than it was kept as")
        frames = Frames.of_document(entry.row["frames"]) if entry.row["frames"] else None
        if frames:
            for number in range(1, min(frames.count, MOST_FRAMES) + 1):
                read_frame(self._spool.root / claim, frames, number, MOST)
        return f"{len(told) > 0} {frames is not None} {entry.row['problem'] or ''}"

    def _head(self, positions: Sequence[int]) -> int:
        return min(positions, default=10**9) - 1

    def _names_nobody(self, said: str, names: set[str]) -> None:
        for name in names:
            if name in said:
                raise Wrong("a name or number of the person: in a message or in the log")


class _Said(logging.Handler):
    """What was logged."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """See ``logging.Handler``."""
        self.lines.append(record.getMessage())


def _no_json(constant: str) -> None:
    raise Wrong(f"shown: {constant} is no JSON")


def _read(body: bytes, syntax: str) -> Instance | None:
    try:
        return read_instance(read_header(io.BytesIO(body), len(body), syntax, most=MOST))
    except Refused:
        return None


def _named(body: bytes, syntax: str) -> ToStore:
    """As an honest sender would announce it."""
    read = _read(body, syntax)
    return ToStore(
        sop_class=read.sop_class if read else "1.2.840.10008.5.1.4.1.1.2",
        sop_uid=read.sop_uid if read else "1.2.3",
        transfer_syntax=syntax,
    )


def _names_in(body: bytes, syntax: str) -> set[str]:
    """What says who it is: long enough not to stand in a sentence by chance."""
    read = _read(body, syntax)
    stated = (read.patient.family, read.patient.given, read.patient.local_id) if read else ()
    return {*NAMES, *(text for text in stated if text and len(text) > 6 and not text.isspace())}


def _can_be_stored(value: Any) -> None:
    """Of an event: no database takes a control character or half a surrogate pair in a text."""
    if isinstance(value, dict):
        for key, inner in value.items():
            _can_be_stored(key)
            _can_be_stored(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            _can_be_stored(inner)
    elif isinstance(value, str) and CONTROL.search(value):
        raise Wrong("a control character in an event")
