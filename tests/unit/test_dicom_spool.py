"""The spool: an instance is held once per site, durable before it is answered, and known again after a restart."""

import io
from itertools import permutations
from pathlib import Path

import pydicom
import pytest
from pydicom.uid import ImplicitVRLittleEndian

from adapters.dicom.batch import Held
from adapters.dicom.inlet import spool_at
from adapters.dicom.intake import arriving, keep_dataset, keep_file
from adapters.dicom.network.association import ToStore
from adapters.dicom.part10 import dataset_digest, read_file_meta
from adapters.inbox.abandoned import abandoned, sweep
from adapters.inbox.desk import Desk, open_desk
from tests.fakes.dicom import CT_IMAGE, OTHER_SITE, SITE, instance, part10, write


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return open_desk(spool_at(tmp_path / "spool"))


def test_the_bytes_are_kept_as_they_came(desk: Desk, tmp_path: Path) -> None:
    """No re-encoding, no coercion."""
    (path,) = write(tmp_path, [instance()])
    held = keep_file(desk, path, site=SITE, actor="system:test")
    assert held is not None
    assert desk.spool.claim(SITE, held.instance.sop_uid).read_bytes() == path.read_bytes()


def test_a_dataset_from_the_network_becomes_a_file_that_names_its_sender(desk: Desk) -> None:
    """Its File Meta is ours, its dataset byte for byte the sender's (PS3.10 7.1)."""
    data = part10(instance(SOPInstanceUID="1.2.3"))
    dataset = data[read_file_meta(data).offset :]
    named = ToStore(sop_class=CT_IMAGE, sop_uid="1.2.3", transfer_syntax="1.2.840.10008.1.2.1")
    came = arriving(desk, named, "CHB_PACS")
    came.write(dataset)
    keep_dataset(desk, came, named, site=SITE, actor="aet:CHB_PACS")
    kept = desk.spool.claim(SITE, "1.2.3").read_bytes()
    assert kept.endswith(dataset)
    read = pydicom.dcmread(io.BytesIO(kept))
    assert read.file_meta.SourceApplicationEntityTitle == "CHB_PACS"
    assert read.file_meta.MediaStorageSOPInstanceUID == read.SOPInstanceUID == "1.2.3"


def test_the_same_dataset_in_another_file_is_a_duplicate(desk: Desk, tmp_path: Path) -> None:
    """The File Meta names the sender's software: it is not part of the instance."""
    one = instance()
    (first,) = write(tmp_path / "a", [one])
    second = tmp_path / "b.dcm"
    second.write_bytes(first.read_bytes().replace(b"\0" * 128 + b"DICM", b"x" * 128 + b"DICM"))
    assert keep_file(desk, first, site=SITE, actor="system:test")
    assert keep_file(desk, second, site=SITE, actor="system:test") is None


def test_of_two_that_bring_one_content_in_two_syntaxes_at_once_one_is_kept_and_nobody_has_to_decide(
    tmp_path: Path,
) -> None:
    """By STOW and by C-STORE: the other one comes between the look at what is held and the claim."""
    spool, one = spool_at(tmp_path / "spool"), instance()
    mine, theirs = tmp_path / "mine.dcm", tmp_path / "theirs.dcm"
    mine.write_bytes(part10(one))
    theirs.write_bytes(part10(one, ImplicitVRLittleEndian))
    faster, came = open_desk(spool), list[Held | None]()

    def step(name: str) -> None:
        if name == "pending" and not came:
            came.append(keep_file(faster, theirs, site=SITE, actor="system:test"))

    slower = open_desk(spool, step)
    assert keep_file(slower, mine, site=SITE, actor="system:test") is None
    assert came[0] is not None
    assert [*slower.pending()] == []
    assert spool.claim(SITE, one.SOPInstanceUID).read_bytes() == theirs.read_bytes()


def test_the_same_uid_with_other_content_is_pending_beside_the_first_until_it_is_recorded(
    desk: Desk, tmp_path: Path
) -> None:
    """Neither is lost: the first one stands, the second says what differs."""
    one = instance(PatientID="T-1")
    (first,) = write(tmp_path / "a", [one])
    one.PatientID = "T-2"
    (second,) = write(tmp_path / "b", [one])
    keep_file(desk, first, site=SITE, actor="system:test")
    held = keep_file(desk, second, site=SITE, actor="system:test")
    assert held is not None
    assert held.second is not None
    assert (held.second.differing, held.second.first.patient.local_id) == (("PatientID",), "T-1")
    assert desk.spool.claim(SITE, one.SOPInstanceUID).read_bytes() == first.read_bytes()
    assert desk.path(held.name).read_bytes() == second.read_bytes()
    desk.release([held.name])
    assert desk.spool.aside(held.name).read_bytes() == second.read_bytes()
    assert desk.spool.claim(SITE, one.SOPInstanceUID).read_bytes() == first.read_bytes()


def test_what_was_put_aside_and_is_sent_again_is_known(desk: Desk, tmp_path: Path) -> None:
    """A sender that repeats a wrong image each night makes one conflict."""
    one = instance(PatientID="T-1")
    keep_file(desk, write(tmp_path / "a", [one])[0], site=SITE, actor="system:test")
    one.PatientID = "T-2"
    (second,) = write(tmp_path / "b", [one])
    held = keep_file(desk, second, site=SITE, actor="system:test")
    assert held is not None
    desk.release([held.name])
    assert keep_file(desk, second, site=SITE, actor="system:test") is None


@pytest.mark.parametrize(
    ("first", "second"), list(permutations(("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99"), 2))
)
def test_the_same_content_in_another_transfer_syntax_is_a_duplicate(
    desk: Desk, tmp_path: Path, first: str, second: str
) -> None:
    """Implicit, explicit and deflated; with a private attribute, a sequence and pixels."""
    one = instance(Rows=2, Columns=1, BitsAllocated=16, PixelData=b"\x01\x02\x03\x04", ReferencedImageSequence=[])
    one["PixelData"].VR = "OW"
    for syntax in (first, second):
        path = tmp_path / f"{syntax}.dcm"
        path.write_bytes(part10(one, syntax))
        kept = keep_file(desk, path, site=SITE, actor="system:test")
        assert (kept is None) is (syntax == second)


def test_another_site_may_hold_the_same_instance(desk: Desk, tmp_path: Path) -> None:
    """A study sent from one hospital to another comes from both."""
    (path,) = write(tmp_path, [instance()])
    assert keep_file(desk, path, site=SITE, actor="system:test")
    assert keep_file(desk, path, site=OTHER_SITE, actor="system:test")


def test_a_site_or_sender_of_any_name_stays_below_the_spool(desk: Desk, tmp_path: Path) -> None:
    """AE titles may hold slashes and dots."""
    (path,) = write(tmp_path, [instance()])
    held = keep_file(desk, path, site="../..", actor="aet:../../X")
    assert held is not None
    (name,) = desk.pending()
    assert name == held.name
    assert desk.path(name).resolve().is_relative_to(desk.folder.resolve())


def test_a_living_processs_desk_is_not_taken_over(desk: Desk) -> None:
    """Only one that died leaves its desk unlocked."""
    assert list(abandoned(desk.spool)) == []


def test_an_empty_desk_is_removed_when_it_is_left(desk: Desk) -> None:
    """Nothing piles up."""
    desk.leave()
    assert not desk.folder.exists()


def test_a_desk_with_pending_instances_stays_for_the_next_process(desk: Desk, tmp_path: Path) -> None:
    """Its instances are not recorded yet."""
    keep_file(desk, write(tmp_path, [instance()])[0], site=SITE, actor="system:test")
    desk.leave()
    (left,) = abandoned(desk.spool)
    assert len(list(left.pending())) == 1


@pytest.mark.parametrize("length", [0, 100, 300, -1])
def test_a_half_written_instance_is_dropped_after_a_crash(desk: Desk, tmp_path: Path, length: int) -> None:
    """Nobody was told that it is held."""
    (path,) = write(tmp_path, [instance()])
    held = keep_file(desk, path, site=SITE, actor="system:test")
    assert held is not None
    desk.spool.claim(SITE, held.instance.sop_uid).unlink()
    desk.path(held.name).write_bytes(path.read_bytes()[:length])
    sweep(desk)
    assert list(desk.pending()) == []
    assert not desk.spool.claim(SITE, held.instance.sop_uid).exists()


def test_a_whole_instance_whose_claim_was_lost_is_claimed_again(desk: Desk, tmp_path: Path) -> None:
    """A power cut may lose the claim, never the pending name."""
    (path,) = write(tmp_path, [instance()])
    held = keep_file(desk, path, site=SITE, actor="system:test")
    assert held is not None
    desk.spool.claim(SITE, held.instance.sop_uid).unlink()
    sweep(desk)
    assert desk.spool.claim(SITE, held.instance.sop_uid).samefile(desk.path(held.name))


def test_the_digest_is_of_the_dataset_alone() -> None:
    """From the end of the File Meta on."""
    data = part10(instance())
    offset = read_file_meta(data).offset
    assert dataset_digest(data, offset) == dataset_digest(data[offset:])
