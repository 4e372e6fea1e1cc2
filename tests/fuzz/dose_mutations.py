"""Real dose reports, changed in ways of which the right answer is known: what is read is compared with it.

What real reports hold was extracted apart from the product (``tests/data/rdsr_expected.json``). A change either leaves
each dose as it is (another spelling, encoding, order or depth), or takes one away and has to be told (an unknown unit,
a text for a number), or damages the structure: then nothing may be read that is not there, and the record says so.
"""

import io
import json
import re
import struct
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from random import Random
from typing import Any, Final

from adapters.dicom.part10 import read_file_meta
from adapters.dicom.rdsr.report import DoseReport, NoDoseContent, read_dose_report
from adapters.dicom.structured import read_structured
from adapters.inbox.refusal import Refused
from tests import real_files
from tests.fuzz import sr_bytes as sr
from tests.fuzz.frame import ROOT, Wrong
from tests.fuzz.sr_bytes import Element, Encoding, Entry

EXPLICIT, IMPLICIT, BIG = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"
LARGEST: Final = 70_000  # bytes of a report that is changed
EVENTS: Final = ("113819", "113706")
FIELDS: Final = {
    "113830": "ctdivol_mgy",
    "113838": "dlp_mgycm",
    "122130": "dap_mgycm2",
    "113738": "dose_rp_mgy",
    "111631": "agd_mgy",
}
SPELLINGS: Final = {
    "mGy.cm": ("mGycm", "mGy*cm", "mGy cm", "mGy·cm"),
    "Gy.m2": ("Gym2", "Gy*m2", "Gy·m²", "Gy.m^2"),
    "mGy": ("mGy ", " mGy"),
    "Gy": ("Gy",),
}
SCALED: Final = {
    "mGy.cm": ("Gy.cm", -3),
    "mGycm": ("uGy.cm", 3),
    "Gy.m2": ("cGy.cm2", 6),
    "Gym2": ("uGy.m2", 6),
    "mGy": ("uGy", 3),
    "Gy": ("mGy", 3),
}
NO_UNITS: Final = ("MGy", "mgy", "foo", "mSv", "1", "Gy.m3", "R", "mGy/cm", "s")
NO_NUMBERS: Final = ("n/a", "-1", "NaN", "1,250", "1e999", "1\\2", "0x10", "--", "٣")
DEEP: Final = 1_000
_SHORT: Final = re.compile(rb"\x40\0..(?:DS|CS|UI|LO|SH)|\x08\0..(?:SH|LO)", re.DOTALL)  # explicit little endian


@dataclass
class Case:
    """A report that is changed. ``events``: what is to be read of each; ``told``: events whose record has to say so."""

    entry: Entry
    events: dict[str, dict[str, float]]
    totals: dict[str, float | None]
    told: set[str] = field(default_factory=set)
    wrapped: int = 0
    damaged: bool = False

    def containers(self) -> list[Entry]:
        """The irradiation events."""
        return [item for item, _ in sr.below(self.entry) if sr.concept(item) in EVENTS]

    def doses(self) -> list[tuple[str, Entry]]:
        """Each dose that its event states once: the event's UID, and the measurement."""
        found = []
        for event in self.containers():
            stated: dict[str, list[Entry]] = {}
            for item, _ in sr.below(event):
                if sr.concept(item) in FIELDS:
                    stated.setdefault(sr.concept(item), []).append(item)
            uid = uid_of(event)
            found += [
                (uid, one[0])
                for code, one in stated.items()
                if len(one) == 1 and FIELDS[code] in self.events.get(uid, {})
            ]
        return found


def uid_of(event: Entry) -> str:
    return next((sr.text(item, sr.UID) for item, _ in sr.below(event) if sr.concept(item) == "113769"), "")


@cache
def reports() -> tuple[tuple[str, bytes], ...]:
    """Real reports in explicit VR, and their data sets."""
    found = []
    for path in sorted(real_files.folder().glob("*.dcm")):
        data = path.read_bytes()
        meta = read_file_meta(data)
        if path.name in _expected() and meta.transfer_syntax == EXPLICIT and len(data) <= LARGEST:
            found.append((path.name, data[meta.offset :]))
    return tuple(found)


@cache
def _expected() -> dict[str, Any]:
    stated: dict[str, Any] = json.loads((ROOT / "tests/data/rdsr_expected.json").read_text())
    return {name: one for name, one in stated.items() if one["events"]}


def case_of(name: str, data: bytes) -> Case:
    """A report before it is changed."""
    stated = _expected()[name]
    events = {
        uid: {dose: float(value) for dose, value in doses.items() if dose in FIELDS.values() and value is not None}
        for uid, _, doses in stated["events"]
    }
    return Case(sr.parse(data), events, dict(stated["totals"]))


# What changes no dose.


def respelled(case: Case, random: Random) -> None:
    """Units in another spelling."""
    for _, dose in case.doses():
        for unit in _units(dose):
            if (known := SPELLINGS.get(sr.text(unit, sr.CODE))) and random.random() < 0.7:
                sr.put(unit, sr.CODE, b"SH", random.choice(known))


def rescaled(case: Case, random: Random) -> None:
    """The same dose in another unit."""
    for _, dose in case.doses():
        for measured in sr.items(dose, sr.MEASURED):
            for unit in sr.items(measured, sr.UNITS):
                stated = sr.text(measured, sr.NUMBER)
                if (known := SCALED.get(sr.text(unit, sr.CODE))) and stated and random.random() < 0.7:
                    sr.put(unit, sr.CODE, b"SH", known[0])
                    sr.put(measured, sr.NUMBER, b"DS", str(Decimal(stated).scaleb(known[1])))


def rewritten(case: Case, random: Random) -> None:
    """The same number in other digits: an exponent, zeros, a sign, a comma."""
    for _, dose in case.doses():
        for measured in sr.items(dose, sr.MEASURED):
            if stated := sr.text(measured, sr.NUMBER):
                number = Decimal(stated)
                plain = f"{number:f}"
                choices = [
                    f"{number:E}",
                    f"+{plain}",
                    plain + ("0" if "." in plain else ".0"),
                    f"{number.scaleb(3):f}E-3",
                ]
                if "." in plain and len(plain.partition(".")[2]) != 3:
                    choices.append(plain.replace(".", ","))
                vr = random.choice((b"DS", b"LO", b"UT"))
                sr.put(measured, sr.NUMBER, vr, random.choice(choices))


def recoded(case: Case, random: Random) -> None:
    """Codes without words or designator, in small letters, long, under a retired scheme."""
    for item, _ in list(sr.below(case.entry)):
        for code in (*sr.items(item, sr.CONCEPT), *sr.items(item, sr.CODES)):
            scheme = sr.text(code, sr.SCHEME)
            match random.randrange(8):
                case 0:
                    code[:] = [one for one in code if one.tag != sr.MEANING or scheme not in ("DCM", "SRT")]
                case 1 if scheme == "DCM":
                    sr.put(code, sr.SCHEME, b"SH", random.choice(("dcm", "", "Dcm")))
                case 2 if scheme == "SRT":
                    sr.put(code, sr.SCHEME, b"SH", random.choice(("SNM3", "99SDM", "srt")))
                case 3 if scheme == "SRT":
                    sr.put(code, sr.CODE, b"SH", sr.text(code, sr.CODE).lower())
                case 4 if scheme in ("DCM", "SRT"):
                    value = sr.text(code, sr.CODE)
                    code[:] = [one for one in code if one.tag != sr.CODE]
                    sr.put(code, sr.LONG_CODE, b"UC", value)


def doubled(case: Case, random: Random) -> None:
    """A measured value twice, or an empty one before it."""
    for _, dose in case.doses():
        if (sequence := sr.of(dose, sr.MEASURED)) and sequence.items and random.random() < 0.7:
            sequence.items.append(deepcopy(sequence.items[0]))


def shuffled(case: Case, random: Random) -> None:
    """The items of events, and the events, in another order."""
    for event in case.containers():
        codes = [code for item, _ in sr.below(event) if (code := sr.concept(item)) in FIELDS]
        if len({*codes}) == len(codes) and (content := sr.of(event, sr.CONTENT)):
            random.shuffle(content.items or [])


def repeated(case: Case, random: Random) -> None:
    """An event once more, as it was."""
    content = sr.of(case.entry, sr.CONTENT)
    if content and content.items and (events := [one for one in content.items if sr.concept(one) in EVENTS]):
        content.items.append(deepcopy(random.choice(events)))


def pulsed(case: Case, random: Random) -> None:
    """Values of pulses beside the event's own."""
    for uid, dose in case.doses():
        event = next(one for one in case.containers() if uid_of(one) == uid)
        pulse = deepcopy(dose)
        for measured in sr.items(pulse, sr.MEASURED):
            sr.put(measured, sr.NUMBER, b"DS", "777")
        if (content := sr.of(event, sr.CONTENT)) and content.items:
            content.items.insert(random.randrange(len(content.items) + 1), _container("99PULSES", [pulse]))


def wrapped(case: Case, random: Random) -> None:
    """All of it so many containers deeper."""
    case.wrapped = random.choice((1, 3, 30, DEEP))


# What takes something away, and has to be told.


def without_a_unit(case: Case, random: Random) -> None:
    """A unit that nobody knows, or that is another quantity's."""
    if doses := case.doses():
        uid, dose = random.choice(doses)
        for unit in _units(dose):
            sr.put(unit, sr.CODE, b"SH", random.choice(NO_UNITS))
        _lost(case, uid, dose)


def without_a_number(case: Case, random: Random) -> None:
    """A text, a negative or an endless number."""
    if doses := case.doses():
        uid, dose = random.choice(doses)
        for measured in sr.items(dose, sr.MEASURED):
            sr.put(measured, sr.NUMBER, b"LO", random.choice(NO_NUMBERS))
        _lost(case, uid, dose)


def emptied(case: Case, random: Random) -> None:
    """A measurement without a value: not known, and no mistake."""
    if doses := case.doses():
        uid, dose = random.choice(doses)
        if sequence := sr.of(dose, sr.MEASURED):
            sequence.items = []
        case.events[uid].pop(FIELDS[sr.concept(dose)], None)


def under_another_code(case: Case, random: Random) -> None:
    """A private code that looks like the dose's."""
    if doses := case.doses():
        uid, dose = random.choice(doses)
        name = FIELDS[sr.concept(dose)]
        for code in sr.items(dose, sr.CONCEPT):
            sr.put(code, sr.SCHEME, b"SH", "99VENDOR")
        case.events[uid].pop(name, None)
        case.told.add(uid)


def without_an_event(case: Case, random: Random) -> None:
    """An event that is left out: the others stay, and the totals."""
    content = sr.of(case.entry, sr.CONTENT)
    events = [one for one in (content.items or []) if sr.concept(one) in EVENTS] if content else []
    if content and content.items and len(events) > 1:
        gone = random.choice(events)
        content.items = [one for one in content.items if one is not gone]
        case.events.pop(uid_of(gone), None)


def damaged(case: Case, random: Random) -> None:
    """A length somewhere within that leads elsewhere."""
    case.damaged = True


Change = Callable[[Case, Random], None]
KEEPING: Final[tuple[Change, ...]] = (
    *(respelled, rescaled, rewritten, recoded, doubled, shuffled, repeated, pulsed, wrapped),
)
TAKING: Final[tuple[Change, ...]] = (
    *(without_a_unit, without_a_number, emptied, under_another_code, without_an_event, damaged),
)


def _units(dose: Entry) -> list[Entry]:
    return [unit for measured in sr.items(dose, sr.MEASURED) for unit in sr.items(measured, sr.UNITS)]


def _lost(case: Case, uid: str, dose: Entry) -> None:
    if sr.items(dose, sr.MEASURED):
        case.events[uid].pop(FIELDS[sr.concept(dose)], None)
        case.told.add(uid)


def _container(code: str, content: list[Entry]) -> Entry:
    named: Entry = [Element(sr.CODE, b"SH", code.encode()), Element(sr.SCHEME, b"SH", b"99TEST")]
    return [
        Element(sr.VALUE_TYPE, b"CS", b"CONTAINER"),
        Element(sr.CONCEPT, b"SQ", items=[named]),
        Element(sr.CONTENT, b"SQ", items=content),
    ]


class DoseMutations:
    """See the module. An input is the number from which its changes follow."""

    name = "dose_mutations"

    def seeds(self) -> Sequence[bytes]:
        """Each report as it is, in each encoding."""
        return [f"plain {number}".encode() for number in range(len(reports()))]

    def changed(self, given: bytes, other: bytes, random: Random) -> bytes:
        """Another number."""
        return str(random.getrandbits(60)).encode()

    def close(self) -> None:
        """Nothing is held."""

    def answer(self, given: bytes) -> str:
        """Change a report, read it, and compare."""
        random = Random(given)
        plain = given.startswith(b"plain ")
        name, data = reports()[int(given[6:])] if plain else random.choice(reports())
        case, changes = case_of(name, data), [] if plain else _changes(random)
        for change in changes:
            change(case, random)
        body, syntax = written(case, random)
        said = "+".join(sorted(change.__name__ for change in changes))
        try:
            report = read_dose_report(read_structured(io.BytesIO(body), len(body), syntax).tree)
        except (Refused, NoDoseContent) as refused:
            if case.damaged or (isinstance(refused, NoDoseContent) and not case.events):
                return f"{said}: {type(refused).__name__}"
            raise Wrong(f"refused: {name} after {said}: {refused}") from None
        (_compare_damaged if case.damaged else _compare)(case, report, f"{name} after {said}")
        return said


def _changes(random: Random) -> list[Change]:
    keeping = random.sample(KEEPING, random.choice((0, 1, 1, 2, 3)))
    taking = [random.choice(TAKING)] if random.random() < 0.5 or not keeping else []
    return [*taking, *sorted(keeping, key=lambda change: (change is wrapped, change.__name__))]


def written(case: Case, random: Random) -> tuple[bytes, str]:
    """The data set in one of the encodings, and its transfer syntax."""
    syntax = random.choice((EXPLICIT, EXPLICIT, IMPLICIT, BIG))
    encoding = Encoding(implicit=syntax == IMPLICIT, little=syntax != BIG, stated=random.random() < 0.5)
    if case.wrapped:
        _wrap(case)
    body = encoding.write(case.entry)
    return (_hurt(body, random, little=encoding.little), syntax) if case.damaged else (body, syntax)


def _wrap(case: Case) -> None:
    """The events within containers; deep ones a few at a time, for each is written within all above it."""
    content = sr.of(case.entry, sr.CONTENT)
    for _ in range(min(case.wrapped, 150)):
        if content and content.items:
            content.items = [_container("99DEEP", content.items)]


def _hurt(body: bytes, random: Random, *, little: bool) -> bytes:
    """The length of an item or of a short value within the content becomes another."""
    content = body.index(struct.pack("<HH" if little else ">HH", 0x0040, 0xA730))
    item = struct.pack("<HH" if little else ">HH", 0xFFFE, 0xE000)
    wide = [found.start() + 4 for found in re.finditer(re.escape(item), body) if found.start() > content]
    short = [found.end() for found in _SHORT.finditer(body) if found.start() > content]
    at, form = (random.choice(short), "H") if short and random.random() < 0.5 else (random.choice(wide), "L")
    form, changed = ("<" if little else ">") + form, bytearray(body)
    (length,) = struct.unpack_from(form, body, at)
    other = random.choice((0, length + 2, max(0, length - 2), length * 2 + 8, 0x7FFF, random.randrange(1 << 16)))
    struct.pack_into(form, changed, at, other & 0xFFFF)
    return bytes(changed)


def _read(report: DoseReport) -> dict[str, dict[str, float]]:
    return {
        exposure.irradiation_event_uid: {
            name: value for name in FIELDS.values() if (value := getattr(exposure, name)) is not None
        }
        for exposure in report.exposures
    }


def _compare(case: Case, report: DoseReport, what: str) -> None:
    found = _read(report)
    if found != case.events:
        raise Wrong(f"another dose: {what}: {found} is not {case.events}")
    for name, total in case.totals.items():
        if report.report_totals.get(name) != total:
            raise Wrong(f"another total: {what}: {name}")
    for exposure in report.exposures:
        if exposure.irradiation_event_uid in case.told and not (exposure.not_understood or report.not_understood):
            raise Wrong(f"not told: {what}")


def _compare_damaged(case: Case, report: DoseReport, what: str) -> None:
    """Each dose is what it was, or is missing, and where one is missing the record says so.

    Of an event that is stated twice damage may hide what the two have in common: then they are joined as parts, which
    the exposure says beside the damage.
    """
    found = _read(report)
    joined = {
        exposure.irradiation_event_uid
        for exposure in report.exposures
        if "damaged" in report.warnings and "event: stated in parts, which were joined" in exposure.not_understood
    }
    for uid in found.keys() & case.events.keys() - joined:
        if any(case.events[uid].get(name) != value for name, value in found[uid].items()):
            raise Wrong(f"another dose: {what}: of {uid}")
    notes = [*report.not_understood, *(note for one in report.exposures for note in one.not_understood)]
    if found != case.events and not notes:
        raise Wrong(f"silent: {what}: doses are missing, and nothing says so")
