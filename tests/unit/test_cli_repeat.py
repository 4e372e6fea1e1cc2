"""A command line given again with its command id, whatever names what it makes."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from domain.aggregates.identity import Identity
from domain.askers import CONTENT, Asker
from domain.commands.accesses import OpenAccess
from domain.commands.identities import Flag, Register
from domain.errors import IdTaken
from domain.ports import Answer
from domain.work import Command, Envelope
from krypton.cli.options import utc
from tests.fakes.ids import IDS
from tests.fakes.region import CLINICIAN, RADIOLOGIST, Region


def twice(region: Region, command: Command, by: Envelope) -> None:
    """Ask the same again, as a client does that got no answer."""
    first, before = region.execute(command, by), region.head()
    assert region.execute(command, by) == first
    assert region.head() == before


def test_an_access_named_by_its_command_is_answered_as_the_first_time() -> None:
    """The second time the access is there already, which is no other writer's doing."""
    region = Region()
    for rpps in (CLINICIAN, RADIOLOGIST):
        by = Envelope(f"rpps:{rpps}")
        ask = OpenAccess(identity=region.register(local_id=rpps), rpps=rpps, reason="essai", access=by.command_id)
        twice(region, ask, by)


def test_another_command_with_the_same_id_gets_the_first_answer() -> None:
    region = Region()
    by = Envelope(command_id=uuid4())
    first = region.execute(OpenAccess(identity=region.register(), rpps=CLINICIAN, reason="essai"), by)
    other = OpenAccess(identity=region.register(local_id="2"), rpps=CLINICIAN, reason="essai")
    assert region.execute(other, by) == first


SOMEBODY_ELSE = (
    (Envelope("clerk:c2"), Register(assigner="CHB", local_id="2", stated={"family": "FICTIVE"})),
    (Envelope("clerk:c2"), Register(assigner="CHB", local_id="1", stated={"family": "FICTIVE"})),  # refused by itself
    (Envelope("clerk:c1"), Flag(identity=Identity.create_id(IDS, "CHB", "1"), flag="DOUT", reason="essai")),
    (Envelope("clerk:c1"), Flag(identity=UUID(int=1), flag="DOUT", reason="essai")),  # of nobody
)


@pytest.mark.parametrize(("by", "command"), SOMEBODY_ELSE)
@pytest.mark.parametrize("at_once", [False, True], ids=["alone", "in a batch"])
def test_a_command_id_of_somebody_else_or_of_another_command_gets_no_answer(
    by: Envelope, command: Command, at_once: bool
) -> None:
    """W5: ids stand in clear on topics. Nothing is written, and the others of a batch go on."""
    region = Region()
    first = Envelope("clerk:c1")
    region.execute(Register(assigner="CHB", local_id="1", stated={"family": "FICTIVE"}), first)
    before, again = region.head(), replace(by, command_id=first.command_id)
    if at_once:
        other = Register(assigner="CHB", local_id="3", stated={"family": "FICTIVE"})
        refused, answered = region.execute_many([(command, again), (other, Envelope("clerk:c2"))])
        assert isinstance(refused, IdTaken)
        assert isinstance(answered, Answer)
        assert region.head() == before + 1
    else:
        with pytest.raises(IdTaken):
            region.execute(command, again)
        assert region.head() == before


def test_one_command_id_twice_in_a_batch_is_the_first_callers() -> None:
    region = Region()
    mine, theirs = Envelope("clerk:c1"), Envelope("clerk:c2")
    asked = Register(assigner="CHB", local_id="1", stated={"family": "FICTIVE"})
    one, other, again = region.execute_many(
        [(asked, mine), (asked, replace(theirs, command_id=mine.command_id)), (asked, mine)]
    )
    assert isinstance(other, IdTaken)
    assert isinstance(one, Answer)
    assert isinstance(again, Answer)
    assert again == one
    assert (one.repeated, again.repeated) == (False, True)
    (once_more,) = region.execute_many([(asked, mine)])
    assert isinstance(once_more, Answer)
    assert once_more.repeated


def test_an_id_that_is_a_digest_of_what_is_asked_is_everybodys_who_asks_the_same() -> None:
    """A second import of the same rows, by a colleague, is no refusal; nobody else's id makes it one."""
    region = Region()
    asked = Register(assigner="CHB", local_id="1", stated={"family": "FICTIVE"})
    by = Envelope("clerk:c1", of_content=True)
    first = region.execute(asked, by)
    colleague = replace(by, actor="clerk:c2")
    assert region.execute(asked, colleague) == first
    assert region.execute_many([(asked, colleague)]) == [first]
    with pytest.raises(IdTaken):
        region.execute(asked, replace(by, of_content=False))


def test_the_answer_of_a_restored_command_is_its_actors() -> None:
    """Of which kind it was is lost: the event tells who asked, and no more."""
    restored = Asker("clerk:c1", None)
    assert restored.answers(Asker("clerk:c1", "Register"))
    assert restored.answers(Asker(CONTENT, "ReceiveStudy"))
    assert not restored.answers(Asker("clerk:c2", "Register"))


def test_a_time_without_a_zone_is_utc_and_one_with_a_zone_is_the_same_instant() -> None:
    noon = datetime(2026, 6, 1, 12, tzinfo=UTC)
    assert utc(noon.replace(tzinfo=None)) == noon
    assert utc(datetime.fromisoformat("2026-06-01T14:00:00+02:00")) == noon
    assert utc(None) is None
