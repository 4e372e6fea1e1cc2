"""The content tree in its bytes: any depth, lengths stated or not, each encoding, and damage that is told."""

import io
import struct
from contextlib import suppress

import pytest
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from adapters.dicom.bounds import Most
from adapters.dicom.rdsr.elements import Elements
from adapters.dicom.rdsr.report import DoseReport, read_dose_report
from adapters.dicom.refusal import TooLarge, Unreadable
from adapters.dicom.structured import Structured, read_structured
from tests import real_files
from tests.fakes import elements as made
from tests.fakes.dicom import structured as in_file
from tests.fakes.dicom import tree_of
from tests.unit.test_dose_report import ct, document, item
from tests.unit.test_dose_report import number as stated_number

CONTENT = b"\x40\0\x30\xa7"
UID = made.item("113769", "UIDREF", made.element(0x0040A124, b"UI", "2.25.1"))


def structured(data: bytes, syntax: str = ExplicitVRLittleEndian, most: Most | None = None) -> Structured:
    return read_structured(io.BytesIO(data), len(data), syntax, most or Most())


def read(data: bytes) -> DoseReport:
    return read_dose_report(structured(data).tree)


def deep(depth: int, *, stated: bool) -> bytes:
    """A DLP so many containers below its acquisition."""
    below = made.number("113838", "3", "mGy.cm", stated=stated)
    for _ in range(depth):
        below = made.item("113829", "CONTAINER", b"", below, stated=stated)
    return made.document(made.item("113819", "CONTAINER", b"", UID, below, stated=stated), stated=stated)


@pytest.mark.parametrize("stated", [True, False], ids=["lengths", "delimiters"])
@pytest.mark.parametrize("depth", [1, 1_000])
def test_a_dose_is_read_at_any_depth(depth: int, stated: bool) -> None:
    """The depth is the sender's choice, and no recursion limit is in its way."""
    (exposure,) = read(deep(depth, stated=stated)).exposures
    assert (exposure.dlp_mgycm, exposure.not_understood) == (3.0, ())


def test_nothing_is_looked_through_once_for_each_level_around_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten times the depth takes ten times as many looks."""
    looks = {depth: _looks(deep(depth, stated=False), monkeypatch) for depth in (40, 400)}
    assert looks[400] < 11 * looks[40]


def _looks(data: bytes, monkeypatch: pytest.MonkeyPatch) -> int:
    """How often an element's tag and length are read."""
    count, look = [0], Elements.element

    def counted(self: Elements, at: int) -> tuple[int, int, int]:
        count[0] += 1
        return look(self, at)

    with monkeypatch.context() as patched:
        patched.setattr(Elements, "element", counted)
        structured(data)
    return count[0]


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_each_encoding_is_read_alike(syntax: str) -> None:
    dose = stated_number("113838", "3", "mGy.cm")
    report = read_dose_report(tree_of(document(ct(item("125203", "TEXT", TextValue="Thorax"), dose)), syntax))
    (exposure,) = report.exposures
    assert (exposure.protocol, exposure.dlp_mgycm, report.sop_uid) == ("Thorax", 3.0, "2.25.100")


def test_an_implicit_data_set_that_is_called_explicit_and_the_reverse_are_read() -> None:
    """Some writers name another transfer syntax than they write."""
    assert structured(deep(1, stated=True), ImplicitVRLittleEndian).tree.elements.damage == 0
    assert read_dose_report(structured(deep(1, stated=True), ImplicitVRLittleEndian).tree).exposures[0].dlp_mgycm == 3.0


def test_an_item_whose_length_leads_beyond_its_sequence_is_told_and_what_stands_before_it_stays() -> None:
    """The dose before the damage is read; that something is missing is on the record."""
    first, second = made.number("113838", "3", "mGy.cm"), made.number("113830", "5", "mGy")
    sent = made.document(made.item("113819", "CONTAINER", b"", UID, first, second + b"\1\2\3\4"))
    report = read(sent)
    assert report.exposures[0].dlp_mgycm == 3.0
    assert report.warnings == ("damaged",)
    assert report.not_understood == ("content: damaged at 1 places, what stood there was not read",)


def test_an_event_after_a_damaged_one_is_read() -> None:
    """Its place is known from the length of the sequence around the damage."""
    hurt = made.item("113819", "CONTAINER", b"", UID, b"\1\2\3")
    uid = made.item("113769", "UIDREF", made.element(0x0040A124, b"UI", "2.25.2"))
    whole = made.item("113819", "CONTAINER", b"", uid, made.number("113838", "4", "mGy.cm"))
    report = read(made.document(hurt, whole))
    assert [one.dlp_mgycm for one in report.exposures] == [None, 4.0]
    assert "damaged" in report.warnings


@pytest.mark.parametrize("stated", [True, False], ids=["lengths", "delimiters"])
def test_a_data_set_that_ends_too_early_is_refused(stated: bool) -> None:
    """Wherever its content is cut: never half a report."""
    whole = deep(3, stated=stated)
    for length in range(whole.index(CONTENT) + 8, len(whole)):
        with pytest.raises(Unreadable, match="cut off"):
            structured(whole[:length])


def test_bytes_that_are_no_data_set_are_refused() -> None:
    with pytest.raises(Unreadable):
        structured(b"")
    with pytest.raises(Unreadable):
        structured(b"\xff" * 64)


def test_a_report_larger_than_a_setting_lets_in_is_refused_by_its_name() -> None:
    long = made.document(made.item("125203", "TEXT", made.element(0x0040A160, b"UT", "A" * 2_000_000)))
    with pytest.raises(TooLarge, match="KRYPTON_DICOM_HEADER_MIB"):
        structured(long, most=Most(header_mib=1))


def test_the_largest_real_report_is_walked_whole() -> None:
    """3.3 MB, 316 events, and no damage."""
    tree = in_file((real_files.folder() / "RF-Pat-Orientation-Modifier-Missing.dcm").read_bytes()).tree
    assert (len(tree.items) > 10_000, tree.elements.damage) == (True, 0)


def plain(tag: int, value: bytes) -> bytes:
    """An element in implicit VR."""
    return struct.pack("<HHL", tag >> 16, tag & 0xFFFF, len(value)) + value


def of_unknown_vr(within: bytes) -> bytes:
    """A private sequence of UN and undefined length, of one item."""
    one = made.ITEM + struct.pack("<L", made.UNDEFINED) + within + made.ITEM_END + bytes(4)
    return made.element(0x00091001, b"UN", one + made.SEQUENCE_END + bytes(4), length=made.UNDEFINED)


def before_study(private: bytes) -> bytes:
    """A report of 3 mGy.cm with this among its first elements."""
    whole = made.document(made.item("113819", "CONTAINER", b"", UID, made.number("113838", "3", "mGy.cm")))
    at = whole.index(struct.pack("<HH", 0x0020, 0x000D))
    return whole[:at] + private + whole[at:]


@pytest.mark.parametrize("size", [64, 66, 68, 90, 92, 322])
def test_a_private_sequence_of_unknown_vr_is_implicit_whatever_its_lengths(size: int) -> None:
    """PS3.5 6.2.2: of UN and undefined length. 66 is a ``B`` in the place of the VR, and no VR."""
    private = of_unknown_vr(plain(0x00091002, b"x" * size))
    assert read(before_study(private)).exposures[0].dlp_mgycm == 3.0


@pytest.mark.parametrize("size", [0x4142, 0x5A5A, 0x14344])
@pytest.mark.parametrize("nested", [False, True])
def test_a_length_that_looks_like_a_vr_is_one_within_a_private_sequence_of_unknown_vr(size: int, nested: bool) -> None:
    """16,706 is ``BA``: what follows a first element that is plainly implicit is implicit, too."""
    private = of_unknown_vr(plain(0x00090010, b"ACME") + plain(0x00091002, b"x" * size) + plain(0x00091003, b"ab"))
    if nested:
        private = made.sequence(0x00091000, private, stated=False)
    assert read(before_study(private)).exposures[0].dlp_mgycm == 3.0


def test_a_private_sequence_of_unknown_vr_whose_writer_states_vrs_is_read() -> None:
    stated = made.element(0x00090010, b"LO", "ACME") + made.element(0x00091002, b"OB", b"z" * 40_000)
    assert read(before_study(of_unknown_vr(stated))).exposures[0].dlp_mgycm == 3.0


@pytest.mark.parametrize("first", [b"", struct.pack("<HHL", 0x0009, 0x0010, 2) + b"ab"])
def test_private_sequences_of_unknown_vr_in_each_other_need_no_stack(first: bytes) -> None:
    """The depth is the sender's choice."""
    private = b""
    for _ in range(3_000):
        private = of_unknown_vr(first + private)
    with suppress(Unreadable):
        read(before_study(private))
