"""Decisions on who may see personal data, as they are counted: which, in what role, by which rule; never who."""

from uuid import UUID

from domain.actors import Caller
from domain.commands.accesses import OpenAccess
from domain.commands.listings import ListPeople
from domain.commands.viewings import View
from domain.work import Envelope
from krypton.services.decisions import DECIDED, EXPECTED, GATE, Decision, of_event
from schemas.codec import Codec
from schemas.registry import registry
from streams.relay.outgoing import NoKeys
from tests.fakes.region import CLINICIAN, RADIOLOGIST, Region

CODEC = Codec(registry(), NoKeys())


def counted(region: Region, after: int) -> list[tuple[str, str, str]]:
    """Decision, role and rule of each that was stored after a position."""
    stored = region.recorder.select_notifications(after, 1_000, inclusive_of_start=False)
    found = [of_event(CODEC, e.topic, e.originator_version, e.state) for e in stored if e.topic in DECIDED]
    assert {one.by for one in found} == {GATE}
    return [one[1:] for one in found]


def test_each_decision_is_counted_by_outcome_role_and_rule() -> None:
    region = Region()
    marie, after = region.register("CHP", "M-1"), region.head()

    def opened(rpps: str, *, emergency: bool = False) -> UUID:
        command = OpenAccess(identity=marie, rpps=rpps, reason="follow-up", emergency=emergency)
        return UUID(region.ask(command, f"rpps:{rpps}").result["access"])

    def view(actor: str, *accesses: UUID) -> None:
        caller = Caller(actor, "follow-up")
        command = View(caller=caller, task="record.show", identity=marie, accesses=accesses)
        region.execute(command, Envelope(actor))

    view(f"rpps:{RADIOLOGIST}", opened(RADIOLOGIST))
    opened(CLINICIAN)
    opened(CLINICIAN, emergency=True)
    view(f"patient:{marie}")
    view("auditor:a1")
    asked = ListPeople(caller=Caller("clerk:desk", "worklist"), task="identity.review.list", shown=(marie,))
    region.execute(asked, Envelope("clerk:desk"))
    assert counted(region, after) == [
        ("granted", "professional", "X6"),
        ("viewed", "professional", "X12"),
        ("denied", "professional", "X9"),
        ("emergency", "professional", "X10"),
        ("viewed", "patient", "X13"),
        ("refused", "auditor", "W2"),
        ("listed", "clerk", "W2"),
    ]


def test_an_event_of_another_program_is_counted_though_no_more_is_known_of_it() -> None:
    found = of_event(CODEC, "access.viewed", 1, b"\0\xff\xff\xff\xff and more")
    assert found == Decision(GATE, "viewed", "unknown", "unknown")


def test_each_type_that_is_counted_is_an_event_of_the_ledger() -> None:
    assert {schema.type for schema in registry()} >= DECIDED.keys()


def test_whoever_may_ask_is_there_from_the_start() -> None:
    """An alert on decisions that stopped looks at what is there."""
    assert Decision("gate", "viewed", "professional", "X12") in EXPECTED
    assert Decision("gate", "viewed", "clerk", "W2") in EXPECTED
