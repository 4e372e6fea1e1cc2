"""Changes to DICOM files that know what a data set is: attributes, sequences, representations, transfer syntaxes."""

import io
import re
import warnings
import zlib
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from random import Random
from typing import Any, Final

from pydicom import dcmread
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence

from adapters.dicom.attributes import READS
from adapters.dicom.part10 import file_meta
from tests.fuzz.mutate import LONGEST, havoc, odd_number, odd_text

IMPLICIT, EXPLICIT, DEFLATED, BIG = (f"1.2.840.10008.1.2{tail}" for tail in ("", ".1", ".1.99", ".2"))
SYNTAXES: Final = (IMPLICIT, EXPLICIT, EXPLICIT, DEFLATED, BIG, "1.2.840.10008.1.2.4.50", "1.2.3.4")
CHARSETS: Final = (
    "ISO_IR 100",
    "ISO_IR 192",
    "ISO_IR 6",
    "\\ISO 2022 IR 87",
    "ISO 2022 IR 149",
    "ISO_IR 101",
    "nonsense",
)
UNIT_TEXTS: Final = (
    "mGy",
    "Gy",
    "MGy",
    "uGy",
    "mGy.cm",
    "Gy.m2",
    "dGy.cm2",
    "µGy.m2",
    "kBq",
    "Bq",
    "1",
    "",
    "ms",
    "mgy",
)
_TEXTS: Final = re.compile(rb"(?:\x40\0(\x0a\xa3)DS|\x08\0\0\x01SH)(..)", re.DOTALL)
"""Explicit little endian: numeric values, and code values, units among them."""
MOST_ITEMS: Final = 1_500  # of an input: pydicom writes slowly
KEYWORDS: Final = (*(keyword for keyword, _ in READS.values()), "SpecificCharacterSet")
VRS: Final = ("OB", "OW", "UN", "UT", "LO", "SH", "PN", "UI", "DA", "TM", "DS", "IS", "FD", "SQ", "AT", "UC", "CS")
_UIDS: Final = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "PatientID")


def changed(given: bytes, other: bytes, random: Random) -> bytes:
    """Another file: half of the changes are of its tree, the others of its bytes."""
    if random.random() < 0.01:
        return given + _nested_bytes(random.choice((5, 300, 900, 5_000)), random)
    if random.random() < 0.5:
        return havoc_of_the_data_set(given, other, random)
    read = parsed(given)
    if read is None:
        return havoc(given, other, random)
    donor = parsed(other) if random.random() < 0.2 else None
    for _ in range(random.choice((1, 1, 2, 5))):
        change(read, donor or read, random)
    syntax = random.choice(SYNTAXES) if random.random() < 0.15 else _syntax(read)
    return written(read, syntax, random) or havoc(given, other, random)


def changed_report(given: bytes, other: bytes, random: Random) -> bytes:
    """Another report: its numbers, units, codes and items are changed; in place, mostly, for that is fast."""
    if random.random() < 0.7 and (in_place := _in_place(given, random)):
        return in_place
    read, donor = parsed(given), parsed(other) if random.random() < 0.1 else None
    if read is None:
        return havoc(given, other, random)
    whole = list(islice(datasets(read), MOST_ITEMS))
    for _ in range(random.choice((1, 2, 4, 10))):
        with suppress(Exception):  # pydicom does not write everything that a device does
            match random.randrange(6):
                case 0 | 1 | 2:
                    _change_number(whole, random)
                case 3:
                    _change_code(whole, random)
                case 4:
                    _copy_item(whole, whole if donor is None else list(islice(datasets(donor), MOST_ITEMS)), random)
                case _:
                    del random.choice([one for one in whole if "ContentSequence" in one]).ContentSequence[0]
    return written(read, _syntax(read), random) or havoc(given, other, random)


def _in_place(given: bytes, random: Random) -> bytes | None:
    """Numbers and codes become others of at most their length, so that no length around them changes."""
    places = [match for match in _TEXTS.finditer(given) if 0 < match[2][0] + 256 * match[2][1] <= 64]
    if random.random() < 0.6:  # there are many more codes than numbers
        places = [match for match in places if match[1]]
    if not places:
        return None
    changed = bytearray(given)
    for place in random.sample(places, min(len(places), random.choice((1, 1, 3, 12)))):
        length = int.from_bytes(place[2], "little")
        text = given[place.end() : place.end() + length].decode("latin-1").strip(" \0")
        if place[1] == b"\x0a\xa3":
            new = odd_number(text, random)
        else:
            twin = random.choice(places)
            twins = given[twin.end() : twin.end() + int.from_bytes(twin[2], "little")].decode("latin-1")
            new = random.choice((*UNIT_TEXTS, twins, twins))
        changed[place.end() : place.end() + length] = new.encode("latin-1", "replace")[:length].ljust(length)
    return bytes(changed)


def havoc_of_the_data_set(given: bytes, other: bytes, random: Random) -> bytes:
    """The File Meta is left alone, nearly always: else a file is seldom read further; a deflated one is inflated."""
    read = parsed(given)
    start = _start(given)
    if read is None or start is None or random.random() < 0.05:
        return havoc(given, other, random)
    body, deflated = given[start:], read.file_meta.get("TransferSyntaxUID") == DEFLATED
    if deflated and random.random() < 0.8:
        try:
            body = zlib.decompressobj(-zlib.MAX_WBITS).decompress(body, LONGEST)
        except zlib.error:
            return given[:start] + havoc(body, other, random)
        return given[:start] + raw_deflate(havoc(body, other[_start(other) or 0 :], random))
    return given[:start] + havoc(body, other[_start(other) or 0 :], random)


def _start(given: bytes) -> int | None:
    """Where the data set of a file begins, by its group length."""
    if given[128:132] != b"DICM" or given[132:136] != b"\2\0\0\0":
        return None
    return 144 + int.from_bytes(given[140:144], "little")


def raw_deflate(data: bytes) -> bytes:
    """Deflated as DICOM has it."""
    deflater = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    return deflater.compress(data) + deflater.flush()


def parsed(given: bytes) -> Any:
    """The file's data set, all of it read; None where pydicom cannot, or it inflates to more than an input may have."""
    if (start := _start(given)) and DEFLATED.encode() in given[:start]:
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        with suppress(zlib.error):
            inflater.decompress(given[start:], LONGEST)
        if not inflater.eof:
            return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return dcmread(io.BytesIO(given))
        except Exception:  # pydicom raises many kinds of error for a broken file
            return None


def datasets(dataset: Dataset, depth: int = 0) -> Iterator[Dataset]:
    """It and what its sequences hold."""
    yield dataset
    if depth < 8:
        for tag in list(dataset.keys()):
            for item in _items(dataset, tag):
                yield from datasets(item, depth + 1)


def _items(dataset: Dataset, tag: Any) -> list[Dataset]:
    try:
        value = dataset[tag].value
    except Exception:  # an element that cannot be parsed
        return []
    return list(value) if isinstance(value, Sequence) else []


def change(read: Dataset, donor: Dataset, random: Random) -> None:
    """One change of one data set in the tree. What pydicom refuses stays as it was."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            _change(read, donor, random)
        except Exception:  # pydicom does not write everything that a device does
            return


def _change(read: Dataset, donor: Dataset, random: Random) -> None:
    whole = list(datasets(read))
    within = random.choice((read, *whole))
    tags = list(within.keys())
    tag = random.choice(tags) if tags else None
    match random.randrange(10):
        case 0 | 1:
            keyword = random.choice(KEYWORDS)
            text = random.choice(CHARSETS) if keyword == "SpecificCharacterSet" else odd_text(random)
            _put(read, keyword, random.choice(VRS) if random.random() < 0.3 else None, text)
        case 2 if tag is not None:
            del within[tag]
        case 3 if tag is not None and within[tag].keyword not in _UIDS:
            _put(within, tag, within[tag].VR, odd_text(random))
        case 4 if tag is not None:
            _put(within, tag, random.choice(VRS), odd_text(random))
        case 5:
            _change_number(whole, random)
        case 6:
            _copy_item(whole, list(datasets(donor)), random)
        case 7:
            _nest(whole, random)
        case 8:
            _change_code(whole, random)
        case _:
            within.add_new(
                random.choice((0x00091001, 0x7FE00010, 0x00280010, 0xFFFCFFFC)), random.choice(VRS), b"\1\2\3"
            )


def _put(within: Dataset, tag: Any, vr: str | None, text: str) -> None:
    """As a device would write it, whatever the representation allows."""
    number = tag_for_keyword(tag) if isinstance(tag, str) else tag
    kind = vr or dictionary_VR(number)
    value: Any = text.encode(errors="replace") if kind in ("OB", "OW", "UN") else text
    within[number] = DataElement(number, kind, value, already_converted=True)


def _change_number(whole: list[Dataset], random: Random) -> None:
    """A measured value, or its unit."""
    numbers = [one for one in whole if "NumericValue" in one]
    one = random.choice(numbers)
    if random.random() < 0.7:
        _put(one, "NumericValue", "DS", odd_number(str(one.NumericValue), random))
    else:
        _put(one.MeasurementUnitsCodeSequence[0], "CodeValue", "SH", random.choice(UNIT_TEXTS))


def _change_code(whole: list[Dataset], random: Random) -> None:
    """A concept becomes another one of the file."""
    codes = [one for one in whole if "CodeValue" in one]
    one, other = random.choice(codes), random.choice(codes)
    one.CodeValue, one.CodingSchemeDesignator = other.CodeValue, other.CodingSchemeDesignator


def _copy_item(whole: list[Dataset], donors: list[Dataset], random: Random) -> None:
    """A content item, once more or elsewhere."""
    places = [one for one in whole if "ContentSequence" in one]
    givers = [one for one in donors if "ContentSequence" in one and len(one.ContentSequence)]
    item = random.choice(random.choice(givers).ContentSequence)
    if sum(1 for _ in datasets(item)) < 400:
        random.choice(places).ContentSequence.append(item)


def _nest(whole: list[Dataset], random: Random) -> None:
    """Sequences within sequences."""
    inner, keyword = (
        Dataset(),
        random.choice(("ContentSequence", "OtherPatientIDsSequence", "ReferencedSeriesSequence")),
    )
    for _ in range(random.choice((1, 2, 9))):
        outer = Dataset()
        setattr(outer, keyword, Sequence([inner]))
        inner = outer
    setattr(random.choice(whole), keyword, Sequence([inner]))


def _syntax(read: Any) -> str:
    return str(read.file_meta.get("TransferSyntaxUID", EXPLICIT))


def _nested_bytes(depth: int, random: Random) -> bytes:
    """Explicit sequences of no stated length within each other; some never end."""
    tag = random.choice((b"\x40\0\x30\xa7", b"\x10\0\x02\x10", b"\x09\0\x01\x10"))
    begun = (tag + b"SQ\0\0" + b"\xff" * 4 + b"\xfe\xff\0\xe0" + b"\xff" * 4) * depth
    ended = (b"\xfe\xff\x0d\xe0" + bytes(4) + b"\xfe\xff\xdd\xe0" + bytes(4)) * depth
    return begun + (ended if random.random() < 0.7 else b"")


def written(read: Dataset, syntax: str, random: Random) -> bytes | None:
    """Its file; None where pydicom cannot write it, or it is too long."""
    implicit, little = syntax == IMPLICIT, syntax != BIG
    body = DicomBytesIO()
    body.is_implicit_VR, body.is_little_endian = implicit, little
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            plain = Dataset()
            plain.update({tag: read.get_item(tag) for tag in list(read.keys()) if tag.group > 2})
            whole = list(islice(datasets(plain), MOST_ITEMS))
            if len(whole) == MOST_ITEMS:
                return None
            for one in whole:
                for tag in list(one.keys()):
                    one[tag]  # parsed: what is raw is written as it stood, in another encoding perhaps
            write_dataset(body, plain, read.get("SpecificCharacterSet") or "ISO_IR 6")
        except Exception:  # pydicom does not write everything that a device does
            return None
    data: bytes = body.getvalue()
    if len(data) > LONGEST:
        return None
    if syntax == DEFLATED:
        data = raw_deflate(data + bytes(random.choice((0, 0, 0, 0, 0, 1_500_000))))
    return head(str(read.get("SOPClassUID", "1.2")), str(read.get("SOPInstanceUID", "1.2")), syntax) + data


def head(sop_class: str, sop_uid: str, syntax: str) -> bytes:
    """Preamble and File Meta."""
    return file_meta(sop_class=_short(sop_class), sop_uid=_short(sop_uid), transfer_syntax=syntax, sender="FUZZ")


def _short(text: str) -> str:
    return text[:64].encode("ascii", "replace").decode()
