"""What a policy's fold writes of events that one command made: an identity is looked up once, for the last of them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest

from domain.commands.identities import Correct, Register
from krypton.policies.fold import PolicyFold
from policies.all import POLICIES
from schemas.event import LedgerEvent
from tests.fakes.policies import history
from tests.fakes.region import Region
from tests.fakes.rows import MemoryRows

MATRICULE, TEST_OID = "279035121518989", "1.2.250.1.213.1.4.10"
STATED = {"family": "DURAND-FICTIF", "given": "Marie", "birth_date": "1979-03-02", "sex": "F"}


@pytest.fixture
def events() -> list[LedgerEvent]:
    """A registration with a number, and a correction: three events of an identity, by two commands."""
    region = Region()
    new = Register(assigner="CHB", local_id="1", stated=STATED, ins=MATRICULE, ins_oid=TEST_OID)
    identity = UUID(region.ask(new).result["identity"])
    region.ask(Correct(identity=identity, stated={"given": "Marthe"}, reason="typing error"))
    return [event for event in history(region, region.start) if POLICIES["matching"].react(event)]


def folded(fold: PolicyFold, rows: MemoryRows, events: Sequence[LedgerEvent]) -> list[int]:
    """The positions of the events that entries are written for."""
    for event in events:
        fold.apply(event, rows)
    return sorted(row["cause"] for row in rows.table("outbox").values())


def test_an_identity_is_looked_up_once_for_what_one_command_told_of_it(events: list[LedgerEvent]) -> None:
    """The last event's entry waits until the index has read all of them; another command's is not waited for."""
    registered, attached, corrected = events
    found = folded(PolicyFold(POLICIES["matching"]), MemoryRows(), events)
    assert registered.data["command_id"] == attached.data["command_id"] != corrected.data["command_id"]
    assert found == [attached.position, corrected.position]


def test_what_is_stored_stays_where_the_rest_of_a_command_is_read_later(events: list[LedgerEvent]) -> None:
    """A batch may end between two events of a command, and may be read again by another process."""
    fold, stored = PolicyFold(POLICIES["matching"]), MemoryRows()
    folded(fold, stored, events[:1])
    later: Any = MemoryRows()
    later._rows = stored._rows  # the same tables, seen by the next transaction
    causes = [event.position for event in events]
    assert folded(fold, later, events[1:]) == causes
    assert folded(PolicyFold(POLICIES["matching"]), later, events) == causes


def test_a_record_that_was_sent_twice_takes_no_later_ones_place(events: list[LedgerEvent]) -> None:
    """Else the lookup would not wait for what the later one told."""
    registered, attached, _ = events
    assert folded(PolicyFold(POLICIES["matching"]), MemoryRows(), [registered, attached, registered]) == [
        attached.position
    ]
