"""What the identity index says of each local identity: rows from ``identity.*`` events."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from domain.commands.identities import AttachIns, ClearFlag, Correct, DetachIns, Flag, SetStatus
from domain.commands.reviews import Alone, Postpone
from domain.identity_status import Status
from domain.work import Command
from projections.engine.projection import RowKey, UnknownEvent
from projections.identity_index.view import IdentityIndex
from schemas.event import LedgerEvent
from tests.fakes.erasing import Erase
from tests.fakes.rows import MemoryRows
from tests.fakes.views import Hospitals, folded, of_topics

TEST_OID = "1.2.250.1.213.1.4.10"
NUMBER = "2700199999001"  # nobody's: born abroad, in a country that has no such code
MATRICULE = f"{NUMBER}{97 - int(NUMBER) % 97:02d}"
MATRICULES = [f"{number}{97 - number % 97:02d}" for number in range(int(NUMBER), int(NUMBER) + 3)]


def rows_of(events: list[LedgerEvent]) -> MemoryRows:
    return folded(IdentityIndex(), of_topics(IdentityIndex(), events))


def row(region: Hospitals, identity: str) -> dict[str, object]:
    return rows_of(region.history()).table("identity")[(identity,)]


def test_a_registered_identity_shows_the_traits_that_its_assigner_states() -> None:
    """Traits come as they were registered; the status starts provisional."""
    region = Hospitals()
    held = row(region, region.register("CHA", "123", family="Exemple"))
    assert (held["local_id"], held["status"], held["traits"]["family"]) == ("123", "PROV", "Exemple")  # type: ignore[index]


def test_the_second_person_under_one_number_is_shown_with_its_ordinal() -> None:
    """RDSR cases, "same number, different people": 123#2, flagged as a collision."""
    region = Hospitals()
    region.receive("CHA", "123", "1.2.3", family="Exemple", birth_date="1950-02-02")
    second = region.receive("CHA", "123", "1.2.4", family="Zoulou", birth_date="1999-09-09").result["identity"]
    assert (row(region, second)["local_id"], row(region, second)["flags"]) == ("123#2", ["collision"])


def test_a_correction_replaces_the_traits() -> None:
    """Nothing of the old traits is left in the row."""
    region = Hospitals()
    identity = region.register("CHA", "123")
    region.ask(Correct(identity=UUID(identity), stated={"family": "Autre"}, reason="misspelt"))
    assert row(region, identity)["traits"]["family"] == "Autre"  # type: ignore[index]


def test_flags_are_set_and_cleared_one_by_one() -> None:
    """The other flag stays."""
    region = Hospitals()
    identity = region.register("CHA", "123")
    for flag in ("HOMA", "DOUT"):
        region.ask(Flag(identity=UUID(identity), flag=flag, reason="to be checked"))
    region.ask(ClearFlag(identity=UUID(identity), flag="DOUT", reason="checked"))
    assert row(region, identity)["flags"] == ["HOMA"]


def test_a_detached_matricule_no_longer_finds_the_identity() -> None:
    """And the status falls with it."""
    region = Hospitals()
    identity = region.register("CHA", "123")
    region.ask(AttachIns(identity=UUID(identity), matricule=MATRICULE, oid=TEST_OID))
    region.ask(SetStatus(identity=UUID(identity), status=Status.QUAL, reason="paper seen"))
    assert row(region, identity)["ins"] == MATRICULE
    region.ask(DetachIns(identity=UUID(identity), reason="another person's"))
    held = row(region, identity)
    assert (held["ins"], held["ins_oid"], held["status"]) == (None, None, "VALI")


def test_the_matricules_that_the_last_one_took_the_place_of_are_kept_until_that_is_settled() -> None:
    """All of them, and never the one that it has; what was settled before is left out."""
    region = Hospitals()
    identity = region.register("CHA", "123")

    def after(command: Command) -> tuple[object, object]:
        region.ask(command)
        held = row(region, identity)
        return held["ins"], held["replaced"]

    first, second, third = (AttachIns(identity=UUID(identity), matricule=each, oid=TEST_OID) for each in MATRICULES)
    one, two, three = ({"matricule": each, "oid": TEST_OID} for each in MATRICULES)
    assert after(first) == (MATRICULES[0], None)
    assert after(replace(first, mode="CARD")) == (MATRICULES[0], None)
    assert after(second) == (MATRICULES[1], [one])
    assert after(third) == (MATRICULES[2], [one, two])
    assert after(first) == (MATRICULES[0], [two, three])
    assert after(ClearFlag(identity=UUID(identity), flag="ins_replaced", reason="INSi knows it"))[1] is None
    assert after(second) == (MATRICULES[1], [one])
    assert after(DetachIns(identity=UUID(identity), reason="another person's")) == (None, None)
    assert after(third) == (MATRICULES[2], None)


def postponed(region: Hospitals, identity: str) -> Postpone:
    until = region.clock() + timedelta(days=300)
    return Postpone(what=Alone(identity=UUID(identity)), until=until, reason="papers awaited")


def test_what_was_postponed_is_back_with_the_next_matricule() -> None:
    """As the ledger has it (L10): the same one again ends nothing."""
    region = Hospitals()
    identity = region.register("CHA", "123")
    first, second, third = (AttachIns(identity=UUID(identity), matricule=each, oid=TEST_OID) for each in MATRICULES)
    for command in (first, second, postponed(region, identity), replace(second, mode="CARD")):
        region.ask(command)
    assert "doubtful-number" in str(row(region, identity)["deferred"])
    region.ask(third)
    assert row(region, identity)["deferred"] == {}


def erased_region() -> tuple[Hospitals, str, list[LedgerEvent]]:
    """A region, an identity with all that can name it, erased; and the history as read before the key was destroyed."""
    region = Hospitals()
    identity = region.register("CHA", "123")
    for matricule in MATRICULES[1:]:
        region.ask(AttachIns(identity=UUID(identity), matricule=matricule, oid=TEST_OID))
    region.ask(postponed(region, identity))
    region.ask(AttachIns(identity=UUID(identity), matricule=MATRICULES[0], oid=TEST_OID))
    region.ask(Erase(identity=UUID(identity), reason="court order"))
    before = region.history()
    region.memory_vault.destroy(identity)
    return region, identity, before


def test_erasing_blanks_the_row_at_once() -> None:
    """Even where the events were decoded while the key was still there."""
    _, identity, before = erased_region()
    held = rows_of(before).table("identity")[(identity,)]
    assert set(held["traits"].values()) == {held["local_id"]} == {"[erased]"}
    assert (held["ins"], held["replaced"]) == (None, None)
    assert (held["given_names"], held["sort_name"]) == ([], "")
    assert rows_of(before).table("family_name") == {}


def test_a_rebuild_after_erasure_makes_the_row_that_erasing_left() -> None:
    """Live and rebuilt rows are equal."""
    region, identity, before = erased_region()
    live = rows_of(before).table("identity")
    assert rows_of(region.history()).table("identity") == live


def test_every_event_of_an_identity_is_remembered_with_who_and_why() -> None:
    """``identity history`` reads these rows."""
    region = Hospitals()
    identity = region.register("CHA", "123")
    region.ask(Flag(identity=UUID(identity), flag="HOMA", reason="a namesake"), actor="rpps:10000000001")
    events = rows_of(region.history()).table("identity_event")
    told = [(e["type"], e["actor"], e["reason"], e["detail"]) for _, e in sorted(events.items())]
    assert told == [
        ("identity.registered", "system:test", None, {"source": "register"}),
        ("identity.flagged", "rpps:10000000001", "a namesake", {"flag": "HOMA"}),
    ]


def test_a_registration_needs_no_look_and_a_change_looks_at_its_identity() -> None:
    """Keys name what is read or changed in part: a bulk import of new identities fetches nothing."""
    region = Hospitals()
    identity = region.register("CHA", "123")
    region.ask(Flag(identity=UUID(identity), flag="HOMA", reason="a namesake"))
    registered, flagged = region.history()[-2:]
    view = IdentityIndex()
    assert (list(view.keys(registered)), list(view.keys(flagged))) == ([], [RowKey("identity", (identity,))])


def test_an_unknown_event_is_refused() -> None:
    """So that the processor parks it."""
    region = Hospitals()
    with pytest.raises(UnknownEvent, match=r"identity\.transmuted"):
        folded(IdentityIndex(), [LedgerEvent(1, "identity.transmuted", region.register("CHA", "1"), 1, {})])
