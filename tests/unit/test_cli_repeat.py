"""A command line given again with its command id, whatever names what it makes."""

from datetime import UTC, datetime
from uuid import uuid4

from domain.commands.accesses import OpenAccess
from domain.work import Command, Envelope
from krypton.cli.options import utc
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


def test_a_time_without_a_zone_is_utc_and_one_with_a_zone_is_the_same_instant() -> None:
    noon = datetime(2026, 6, 1, 12, tzinfo=UTC)
    assert utc(noon.replace(tzinfo=None)) == noon
    assert utc(datetime.fromisoformat("2026-06-01T14:00:00+02:00")) == noon
    assert utc(None) is None
