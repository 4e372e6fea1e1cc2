"""Batches: what goes together, when it closes, and what is asked."""

from hashlib import sha256
from typing import Any

import pytest

from adapters.dicom.attributes import Instance, Patient
from adapters.dicom.batch import Held
from adapters.dicom.inlet import batches as new_batches
from adapters.inbox.batches import Batch, Batches, Limits
from adapters.inbox.spool import Name
from domain.commands.studies import ReceiveStudy
from tests.fakes.dicom import CT_IMAGE, SITE, new_uid

LIMITS = Limits(quiet_s=2, linger_s=0.5, longest_s=60, items=5, open_batches=3)
PERSON = Patient("T-1", None, "ESSAI", "Élodie", "1970-01-01", "F")


def held(**changes: Any) -> Held:
    stated: dict[str, Any] = {
        "sop_class": CT_IMAGE,
        "sop_uid": new_uid(),
        "study_uid": "1.1",
        "series_uid": "1.1.1",
        "patient": PERSON,
        "accession": None,
        "started_at": None,
        "description": None,
        "modality": "CT",
        "title": None,
    } | changes
    instance = Instance(**stated)
    digest = sha256(instance.sop_uid.encode()).hexdigest()
    return Held(Name.new(SITE, "aet:CHB_PACS", uid=instance.sop_uid, digest=digest), instance)


def asked(batch: Batch) -> ReceiveStudy:
    assert isinstance(batch.command, ReceiveStudy)
    return batch.command


@pytest.fixture
def batches() -> Batches[Held]:
    return new_batches(LIMITS)


def test_many_images_of_a_study_are_one_batch(batches: Batches[Held]) -> None:
    """Never one event per image."""
    for second in range(4):
        batches.add(held(), feeder="a", now=second)
    (batch,) = batches.due(now=100)
    assert asked(batch).instances == 4


def test_a_batch_closes_after_the_quiet_time(batches: Batches[Held]) -> None:
    """Not before."""
    batches.add(held(), feeder="a", now=0)
    batches.add(held(), feeder="a", now=1.5)
    assert batches.due(now=3.4) == []
    assert len(batches.due(now=3.5)) == 1


def test_a_batch_closes_soon_after_its_association_ends(batches: Batches[Held]) -> None:
    """It need not wait for the quiet time."""
    batches.add(held(), feeder="a", now=0)
    batches.end("a", now=0.1)
    assert batches.due(now=0.5) == []
    assert len(batches.due(now=0.6)) == 1


def test_a_batch_waits_for_its_other_association(batches: Batches[Held]) -> None:
    """A study may come over several at once."""
    batches.add(held(), feeder="a", now=0)
    batches.add(held(), feeder="b", now=0)
    batches.end("a", now=0.1)
    assert batches.due(now=1.9) == []


def test_one_association_per_image_is_still_one_batch(batches: Batches[Held]) -> None:
    """As some devices send."""
    for number in range(3):
        batches.add(held(), feeder=number, now=number * 0.3)
        batches.end(number, now=number * 0.3 + 0.1)
        assert batches.due(now=number * 0.3 + 0.2) == []
    assert [asked(b).instances for b in batches.due(now=10)] == [3]


def test_a_full_batch_closes_at_once(batches: Batches[Held]) -> None:
    """Memory is bounded by the batch, not by the study."""
    closed = [batch for _ in range(7) for batch in batches.add(held(), feeder="a", now=0)]
    assert [asked(batch).instances for batch in closed] == [5]


def test_too_many_open_batches_close_the_oldest(batches: Batches[Held]) -> None:
    """Memory is bounded by the number of studies, too."""
    closed = [b for n in range(5) for b in batches.add(held(study_uid=f"1.{n}"), feeder="a", now=0)]
    assert [asked(batch).study_uid for batch in closed] == ["1.0", "1.1"]


def test_a_trickle_closes_in_the_end(batches: Batches[Held]) -> None:
    """A device that never pauses does not hide its study."""
    for second in range(70):
        batches.add(held(), feeder="a", now=second) if second % 20 == 0 else None
        if closed := batches.due(now=second):
            break
    assert closed


@pytest.mark.parametrize(
    "other",
    [
        {"study_uid": "1.2"},
        {"patient": Patient("T-2", None, "ESSAI", "Élodie", "1970-01-01", "F")},
        {"patient": Patient("T-1", "CHP", "ESSAI", "Élodie", "1970-01-01", "F")},
        {"patient": Patient("T-1", None, "AUTRE", "Élodie", "1970-01-01", "F")},
    ],
)
def test_studies_and_persons_as_sent_are_never_mixed(batches: Batches[Held], other: dict[str, Any]) -> None:
    """The same study UID under two persons is two batches."""
    batches.add(held(), feeder="a", now=0)
    batches.add(held(**other), feeder="a", now=0)
    assert len(batches.close_all()) == 2


def test_the_manifest_counts_series_and_modalities(batches: Batches[Held]) -> None:
    """Sorted, so that it does not depend on the order of arrival."""
    for series, modality in (("1.1.2", "SR"), ("1.1.1", "CT"), ("1.1.1", "CT")):
        batches.add(held(series_uid=series, modality=modality), feeder="a", now=0)
    (batch,) = batches.close_all()
    assert asked(batch).series == [
        {"series_uid": "1.1.1", "modality": "CT", "instances": 2},
        {"series_uid": "1.1.2", "modality": "SR", "instances": 1},
    ]
    assert asked(batch).modalities == ["CT", "SR"]


def test_the_root_is_over_the_sorted_digests(batches: Batches[Held]) -> None:
    """So anyone who holds the instances can check it."""
    some = [held() for _ in range(3)]
    for one in some:
        batches.add(one, feeder="a", now=0)
    (batch,) = batches.close_all()
    digests = sorted(bytes.fromhex(one.name.digest) for one in some)
    assert asked(batch).root == sha256(b"".join(digests)).hexdigest()


def test_the_command_id_is_the_same_for_the_same_instances_in_any_order() -> None:
    """Asking again is harmless."""
    some = [held() for _ in range(3)]
    ids = set()
    for order in (some, some[::-1]):
        batches = new_batches(LIMITS)
        for one in order:
            batches.add(one, feeder="a", now=0)
        ids.add(batches.close_all()[0].command_id)
    assert len(ids) == 1
