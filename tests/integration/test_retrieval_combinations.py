"""What a PACS is given in each combination of ground, opposition, consent and state of a study: the gate's answer."""

from itertools import product
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import build_role, evt
from pynetdicom.sop_class import CTImageStorage

from domain.aggregates.identity import Identity
from domain.aggregates.study import Study
from domain.commands.consents import Grant, Oppose
from domain.commands.orders import PlaceOrder, PresentOrder
from domain.commands.studies import WithdrawStudy
from krypton.services.dicom import ingest
from tests.fakes.dicom import instance, new_uid, write
from tests.fakes.erasing import erase
from tests.fakes.retrieving import FIND, GET, held, identifier, sender
from tests.integration.audit_world import CLINICIAN, AuditWorld
from tests.integration.test_retrieval_live import LOOKS, PACS, Region, region

__all__ = ["region"]
pytestmark = pytest.mark.live
GROUNDS = ("none", "number", "order", "order of its own")
OPPOSITIONS = (None, "everyone", "site:CHP", "site:CHB")
LEFT_OUT = (None, "this study", "another study", "its days")
STATES = ("there", "withdrawn", "erased")


class Combination(NamedTuple):
    """One of them."""

    ground: str
    opposition: str | None
    left_out: str | None
    state: str

    @property
    def decided(self) -> bool:
        """Whether CHP may ask about the person at all."""
        opposed = self.opposition in ("everyone", "site:CHP")
        return self.ground in ("number", "order") and not opposed and self.state != "erased"

    @property
    def shown(self) -> bool:
        """Whether it is given the study."""
        return self.decided and self.left_out in (None, "another study") and self.state == "there"


ALL = [Combination(*one) for one in product(GROUNDS, OPPOSITIONS, LEFT_OUT, STATES)]


def ordered(world: AuditWorld, marie: str, by: str, to: str) -> None:
    """An exam of hers is ordered, and brought somewhere."""
    place = PlaceOrder(identity=UUID(marie), site=by, ordered_by=CLINICIAN, modality="CT", question="nodule?")
    order = UUID(world.ask(place).result["order"])
    if by != to:
        world.ask(PresentOrder(order=order, site=to))


class Person(NamedTuple):
    """Somebody whom CHB knows, of whom a combination is true; the UIDs of her study and of its one series."""

    combination: Combination
    identity: str
    study: str
    uid: str
    series: str


def people(world: AuditWorld) -> list[Person]:
    """One for each combination. All images come in at once."""
    images, found = [], []
    for number, one in enumerate(ALL):
        uid, series, local_id = new_uid(), new_uid(), f"COMBINED-{number}"
        stated = {"PatientID": local_id, "PatientName": f"FICTIVE{number}^Alex", "StudyDate": "20260105"}
        images.append(instance(StudyInstanceUID=uid, SeriesInstanceUID=series, **stated))
        identity = Identity.create_id(world.krypton.ledger.ids, "CHB", local_id)
        study = Study.create_id(world.krypton.ledger.ids, identity, uid)
        found.append(Person(one, str(identity), str(study), uid, series))
    ingest(world.krypton, "CHB", write(world.home / new_uid(), images), "system:test", None)
    for person in found:
        come_true(world, person)
    world.settle()
    return found


def come_true(world: AuditWorld, person: Person) -> None:
    """All that is so is said."""
    one, marie = person.combination, UUID(person.identity)
    if one.ground == "number":
        world.merge(person.identity, world.register("CHP"))
    elif one.ground.startswith("order"):
        ordered(world, person.identity, "CHB" if one.ground == "order" else "CHP", "CHP")
    if one.left_out:
        what = {"this study": f"study:{person.uid}", "another study": "study:1.2.3"}
        exclusion = what.get(one.left_out, "period:2026-01-01/2026-01-31")
        world.ask(Grant(identity=marie, party="site:CHP", exclusions=[exclusion]), f"patient:{marie}")
    if one.opposition:
        world.ask(Oppose(identity=marie, party=one.opposition), f"patient:{marie}")
    if one.state == "withdrawn":
        world.ask(WithdrawStudy(study=UUID(person.study), reason="another person's"))
    elif one.state == "erased":
        erase(world.krypton, marie)


class Pacs:
    """That of CHP, on one association for all that it asks."""

    def __init__(self, port: int) -> None:
        self.kept: set[str] = set()
        entity = sender(PACS)
        for model in (FIND, GET):
            entity.add_requested_context(model)
        entity.add_requested_context(CTImageStorage, ExplicitVRLittleEndian)
        self.association = entity.associate(
            "127.0.0.1",
            port,
            ae_title="KRYPTON",
            ext_neg=[build_role(CTImageStorage, scp_role=True)],
            evt_handlers=[(evt.EVT_C_STORE, self.take)],
        )
        assert self.association.is_established
        held(self.association)

    def take(self, event: Any) -> int:
        """Keep one."""
        self.kept.add(str(event.dataset.StudyInstanceUID))
        return 0

    def fetch(self, uid: str) -> tuple[int, bool]:
        """By C-GET: the last status, and whether it came."""
        *_, (last, _) = self.association.send_c_get(identifier(StudyInstanceUID=uid), GET)
        return int(last.Status), uid in self.kept

    def find(self, level: str, **keys: str) -> tuple[int, int]:
        """By C-FIND: the last status, and how much is found."""
        *pending, (last, _) = self.association.send_c_find(identifier(level, **keys), FIND)
        return int(last.Status), len(pending)


def test_in_each_combination_the_answer_is_the_gates_and_each_look_is_on_record(region: Region) -> None:
    world, everybody = region.world, people(region.world)
    given, recorded = [], []
    pacs = Pacs(region.port)  # not before: who says nothing for 30 s is cut off
    for one, _, _, uid, series in everybody:
        expected, before = int(one.shown), world.head
        if pacs.fetch(uid) != (0, one.shown):
            given.append((one, "fetched"))
        looks = [look for look in world.types(before) if look in LOOKS]
        if looks != ["access.viewed" if one.decided else "access.view_refused"]:
            recorded.append((one, looks))
        for level, keys in (
            ("STUDY", {"StudyInstanceUID": uid}),
            ("SERIES", {"StudyInstanceUID": uid, "SeriesInstanceUID": ""}),
            ("IMAGE", {"StudyInstanceUID": uid, "SeriesInstanceUID": series, "SOPInstanceUID": ""}),
        ):
            if pacs.find(level, **keys) != (0, expected):
                given.append((one, f"found at level {level}"))
    pacs.association.release()
    assert (given, recorded) == ([], [])
