"""What keeps a view from the ledger's events, and the command that mends it."""

from krypton.views.following import Bounds, _of_letters, _of_positions, _of_starts, _of_topics
from streams.broker.topics import LEDGER

TOPIC = "krypton.links"
IDS = {topic: f"id of {topic}" for topic in LEDGER}


def position(following: int) -> dict[str, object]:
    return {"view": "identity_index", "version": 2, "topic": TOPIC, "partition": 0, "next": following}


def test_a_topic_whose_id_is_another_was_made_again() -> None:
    (found,) = _of_topics(IDS | {TOPIC: "another"}, IDS)
    assert (found.part, "made again" in found.what, f"krypton recover {TOPIC}" in found.what) == (TOPIC, True, True)


def test_a_topic_that_is_not_there_is_named() -> None:
    (found,) = _of_topics({name: ident for name, ident in IDS.items() if name != TOPIC}, IDS)
    assert str(found) == f"{TOPIC} is not there: run krypton recover {TOPIC}"


def test_topics_whose_ids_nobody_noted_are_no_problem() -> None:
    """An installation of an earlier release, until its next ``krypton init``."""
    assert not list(_of_topics(IDS, {}))


def test_a_topic_that_ends_below_what_a_view_read_was_cut() -> None:
    (found,) = _of_positions([position(11)], {(TOPIC, 0): Bounds(0, 10)})
    assert "was cut below what identity_index v2 read of it" in str(found)


def test_a_view_that_read_all_or_lags_has_no_problem() -> None:
    assert not list(_of_positions([position(10), position(3)], {(TOPIC, 0): Bounds(0, 10)}))


def test_a_topic_without_its_first_records_is_named_though_views_have_read_them() -> None:
    (found,) = _of_starts({(TOPIC, 0): Bounds(4, 10), ("krypton.rules", 0): Bounds(0, 3)})
    assert found.part == TOPIC


def test_forged_records_are_told_of_the_topic_once_and_left_out_ones_of_each_view() -> None:
    row = {"version": 1, "topic": TOPIC, "forged": True, "n": 3}
    rows = [row | {"view": view} for view in ("identity_index", "patient_record")]
    rows.append(row | {"view": "patient_record", "forged": False, "n": 2})
    assert [found.part for found in _of_letters(rows, {})] == ["patient_record v1", TOPIC]


def test_what_the_relay_passed_over_is_told_though_no_view_left_it_out_yet() -> None:
    """Of a topic that views tell of too it is told once, with the greater number."""
    (found,) = _of_letters([], {TOPIC: 2})
    assert str(found).endswith(f"then run krypton recover {TOPIC}")
    letters = [{"view": "identity_index", "version": 1, "topic": TOPIC, "forged": True, "n": 3}]
    (found,) = _of_letters(letters, {TOPIC: 2})
    assert "holds 3 records that this ledger did not write" in found.what
