"""HL7 messages of people who do not exist, and the ledger that takes them in, in memory."""

from collections.abc import Mapping
from contextlib import nullcontext
from threading import Lock
from types import SimpleNamespace
from typing import Any, Final
from unittest.mock import patch
from uuid import UUID

from adapters.hl7.desk import Clerk, Desk
from adapters.hl7.er7 import Segment, segments
from adapters.hl7.inquiry import Cancelled, Inquiry
from adapters.hl7.intake import Intake
from adapters.hl7.people import Number, Page
from domain.aggregates.identity import Identity
from domain.commands.directory import EnrollSite
from domain.ledger import Ledger as AnyLedger
from domain.traits import words
from krypton.services.hl7_index import LedgerIndex
from projections.identity_index import search
from tests.fakes.ledger import MemoryLedger

SITE: Final = "CHB"
SENDER: Final = "CHB_SIH"
NIR: Final = "ASIP-SANTE-INS-NIR&1.2.250.1.213.1.4.10&ISO"
MATRICULE: Final = "279035121518989"
OTHER_MATRICULE: Final = "185072A00401205"
OTHERS_NUMBER: Final = "77^^^AUTRE&1.2.250.1.99&ISO^PI"
VISIT: Final = f"V9^^^{SITE}^VN"
Ledger = MemoryLedger
SEARCHED: Final = Lock()
"""Held while a search in memory takes the place of the view's."""


def msh(event: str, control_id: str, charset: str = "UNICODE UTF-8", **changed: str) -> str:
    """``changed``: fields of MSH by their number, as ``f11="T"``."""
    fields = ["MSH", "^~\\&", SENDER, SITE, "KRYPTON", "REGION", "20260105080000", "", f"ADT^{event}^ADT_A01"]
    fields += [control_id, "P", "2.5", "", "", "", "", "FRA", charset]
    for name, value in changed.items():
        fields[int(name[1:]) - 1] = value
    return "|".join(fields)


def pid(number: str = "1", name: str = "FICTIVE^MARIE^MARIE JEANNE^^^^L", **changed: str) -> str:
    """``changed``: fields of PID by their number, as ``f7="1980"``."""
    fields = ["PID", "1", "", f"{number}^^^{SITE}^PI", "", name, "", "19500312", "F"] + [""] * 24
    for field, value in changed.items():
        fields[int(field[1:])] = value
    return "|".join(fields).rstrip("|")


def mrg(number: str) -> str:
    """The number that is given up."""
    return f"MRG|{number}^^^{SITE}^PI"


def message(event: str, control_id: str, *rest: str, encoding: str = "utf-8", **changed: str) -> bytes:
    """A whole message. ``rest``: its segments after EVN."""
    return "".join(f"{line}\r" for line in (msh(event, control_id, **changed), "EVN||20260105080000", *rest)).encode(
        encoding
    )


def desk(ledger: MemoryLedger, *, real_only: bool = False) -> Desk:
    """Takes messages into that ledger; its establishment is enrolled first."""
    ledger.ask(EnrollSite(code=SITE, name="Hopital", ae_titles=(SENDER,)))
    return wired(ledger, real_only=real_only)


def wired(ledger: AnyLedger, *, real_only: bool = False) -> Desk:
    """Takes messages into a ledger, and answers queries from it."""
    turn = nullcontext()
    asked = Inquiry(index=MemoryIndex.of(ledger), ids=ledger.ids, turn=turn)
    clerks: dict[str, Clerk] = {"ADT": Intake(ledger=ledger), "QBP": asked, "QCN": Cancelled()}
    return Desk(clerks=clerks, site_of=ledger.log.site_of, real_only=real_only)


class MemoryIndex(LedgerIndex):
    """The index as the service has it, behind the gate; who fits is looked for in the ledger, and not in a view."""

    @staticmethod
    def of(ledger: AnyLedger) -> "MemoryIndex":
        """Of that ledger."""
        ours = SimpleNamespace(ledger=ledger, ids=ledger.ids, vault=ledger.vault, execute=ledger.execute)
        ours.snapshot = lambda: nullcontext(ledger)
        ours.resolve = UUID
        return MemoryIndex(ours)  # type: ignore[arg-type]

    def numbers(self, *args: Any) -> tuple[Number, ...]:
        """See ``Index``."""
        with SEARCHED, patch.object(search, "some_of", _some_of):
            return super().numbers(*args)

    def people(self, *args: Any) -> Page:
        """See ``Index``."""
        with SEARCHED, patch.object(search, "some_of", _some_of):
            return super().people(*args)


def _some_of(ledger: AnyLedger, criteria: Mapping[str, str], most: int) -> dict[str, int]:
    """As ``projections.identity_index.search``, of whole names, numbers and dates."""
    found = {}
    for stored in ledger.recorder.select_notifications(0, 1_000_000, topics=["identity.registered"]):
        held = ledger.find(Identity, UUID(str(stored.originator_id)))
        if held and not held.erased and all(_fits(held, name, value) for name, value in criteria.items()):
            found[str(held.id)] = stored.id
    return dict([*found.items()][:most])


def _fits(held: Identity, name: str, value: str) -> bool:
    own = {"number": held.local_id, "assigner": held.assigner, "status": held.status, "ins": (held.ins or "|")[-15:]}
    if name == "ins_oid":
        return (held.ins or "").startswith(f"{value}|")
    if name in own:
        return own[name] == value
    known = str(held.traits.get(name.removesuffix("_is")) or "")
    if name in ("family", "given"):
        return known.upper().startswith(value.upper())
    if name == "birth_date":
        return known.startswith(value.removesuffix("-00").removesuffix("-00"))
    return words(known) == words(value)


class Answered:
    """An answer, read."""

    def __init__(self, raw: bytes | None, codec: str = "ascii") -> None:
        assert raw is not None, "the connection was closed instead"
        self.raw = raw
        self.segments = segments(raw.decode(codec), codec)

    def one(self, name: str) -> Segment:
        """The first segment of that name."""
        return next(each for each in self.segments if each.name == name)

    @property
    def verdict(self) -> str:
        """MSA-1."""
        return self.one("MSA").value(1)

    @property
    def told(self) -> str:
        """MSA-3."""
        return self.one("MSA").value(3)

    @property
    def of(self) -> str:
        """MSA-2: the id of the message that it answers."""
        return self.one("MSA").value(2)

    @property
    def place(self) -> str:
        """ERR-2, as PID-7."""
        err = self.one("ERR").values(2)[0]
        return f"{err.part(1)}-{err.part(3)}" if err.part(3) else err.part(1)

    @property
    def condition(self) -> str:
        """ERR-3."""
        return self.one("ERR").value(3)

    @property
    def rule(self) -> str:
        """ERR-5."""
        return self.one("ERR").value(5)


def sent(taken: Desk, *args: Any, **kwargs: Any) -> Answered:
    """The answer to a message."""
    return Answered(taken.answer(message(*args, **kwargs)))
