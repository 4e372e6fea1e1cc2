"""Versions of a view: promoted, taken back, dropped; readers see one or the other, whole, and never an error."""

import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from uuid import uuid4

import psycopg2
import pytest

from domain.errors import IdTaken, NotFound
from projections.patient_record.view import PatientRecord
from projections.versions import build_log, catalog, creation, diff, rebuild, tailing, versions
from projections.versions.build_log import BuilderReplaced, Part, PartsLeft
from projections.versions.code_digest import code_digest
from projections.versions.promotable import NotPromotable, StopsEarly
from projections.versions.rebuild import Builder, NotBuilding
from projections.versions.switches import switches
from projections.versions.tailing import OtherCode
from projections.versions.versions import StillLive
from schemas.bulk import BulkCodec
from schemas.event import Record
from schemas.registry import registry
from tests.integration.view_world import INCOMPRESSIBLE, STUDIES, World, with_accession

pytestmark = pytest.mark.live
VIEW, ACTOR = "patient_record", "system:test"
OURS = {VIEW: code_digest(PatientRecord())}


class Counting(PatientRecord):
    """The next version: a study's instances are told one more than there are, so that the two can be told apart."""

    def __init__(self, version: int = 2, more: int = 1) -> None:
        self.version, self.more = version, more

    def apply(self, event: Any, rows: Any) -> None:
        """As the patient record, and one more instance."""
        super().apply(event, rows)
        if event.type == "study.arrived":
            key = next(iter(self.keys(event)))
            rows.change(key, instances=rows.get(key)["instances"] + self.more)


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    made = World(database_url)
    for number in range(3):
        made.region.receive(study_uid=f"2.25.{number}", instances=5)
    made.store().apply(made.records())
    yield made
    made.close()


def begun(world: World, projection: PatientRecord, records: list[Record]) -> tuple[build_log.Build, Builder]:
    started = rebuild.begin(world.url, projection, {(STUDIES, 0): len(records)})
    return started, Builder(world.url, projection, world.codec, started, lambda _: [records])


def built(world: World, projection: PatientRecord | None = None) -> None:
    """The next version, ready."""
    made = projection or Counting()
    started, builder = begun(world, made, world.records())
    builder.build(started.todo)
    rebuild.finish(world.url, made, started)


def state(world: World) -> dict[int, str]:
    return dict(world.query("SELECT version, state FROM views.view_version WHERE view = %s", VIEW))


def shown(world: World) -> list[int]:
    return [n for (n,) in world.query("SELECT instances FROM patient_record.study ORDER BY study_uid")]


def summary(world: World, live: int = 1, candidate: int = 2) -> dict[str, Any]:
    with closing(psycopg2.connect(world.url)) as connection:
        return diff.summary(connection, diff.Pair(VIEW, live, candidate))


def test_readers_see_nothing_of_a_version_until_it_is_promoted(world: World) -> None:
    built(world)
    assert (shown(world), state(world)) == ([5, 5, 5], {1: "live", 2: "ready"})


def test_a_promotion_shows_the_new_version_and_retires_the_old(world: World) -> None:
    built(world)
    done = versions.promote(world.url, VIEW, 2, ACTOR)
    assert (shown(world), state(world), done.former) == ([6, 6, 6], {1: "retired", 2: "live"}, 1)


def test_a_comparison_tells_how_far_it_is(world: World) -> None:
    """By table; without an estimate of PostgreSQL's a table counts one row a version."""
    built(world)
    told: list[tuple[str, int, int]] = []
    with closing(psycopg2.connect(world.url)) as connection:
        tables = diff.summary(connection, diff.Pair(VIEW, 1, 2), lambda *reached: told.append(reached))["tables"]
    assert len(told) == len(tables) > 1
    assert told == sorted(told)
    assert told[-1][1] == told[-1][2] > 0


def test_a_rollback_shows_the_former_version(world: World) -> None:
    built(world)
    versions.promote(world.url, VIEW, 2, ACTOR)
    versions.rollback(world.url, VIEW, ACTOR)
    assert (shown(world), state(world)) == ([5, 5, 5], {1: "live", 2: "ready"})


def test_there_is_nothing_to_go_back_to_before_the_first_promotion(world: World) -> None:
    with pytest.raises(NotPromotable, match="no former version"):
        versions.rollback(world.url, VIEW, ACTOR)


def test_a_version_goes_on_where_its_build_ended(world: World) -> None:
    """The worker of the candidate reads what came in since, and nothing twice."""
    built(world)
    world.region.receive(study_uid="2.25.9", instances=7)
    world.projection = Counting()
    world.store().apply(world.records())
    versions.promote(world.url, VIEW, 2, ACTOR)
    assert shown(world) == [6, 6, 6, 8]


def test_the_live_version_is_not_dropped(world: World) -> None:
    with pytest.raises(StillLive, match="is the live version"):
        versions.drop(world.url, VIEW, 1, ACTOR)


def test_a_dropped_version_leaves_nothing(world: World) -> None:
    built(world)
    versions.drop(world.url, VIEW, 2, ACTOR)
    left = world.query("SELECT count(*) FROM pg_namespace WHERE nspname = 'patient_record_v2'")
    left += world.query("SELECT count(*) FROM views.position WHERE version = 2")
    assert (left, state(world)) == ([(0,), (0,)], {1: "live"})


def test_a_version_that_is_not_there_is_named(world: World) -> None:
    with pytest.raises(NotFound, match="no version 7"):
        versions.promote(world.url, VIEW, 7, ACTOR)


def test_a_text_too_long_for_its_index_is_one_events_fault_in_a_rebuild_too(world: World) -> None:
    """Indexes are made last, from all rows: by then it would stop the whole version, and no event could be named."""
    records, projection = world.records(), Counting()
    spoilt = [records[0], with_accession(world, records[1], INCOMPRESSIBLE), *records[2:]]
    started, builder = begun(world, projection, spoilt)
    builder.build(started.todo)
    rebuild.finish(world.url, projection, started)
    assert world.query("SELECT study_uid FROM patient_record_v2.study ORDER BY study_uid") == [("2.25.0",), ("2.25.2",)]
    assert world.reasons()[0].endswith('RowRefused: "patient_record_v2"."study": ProgramLimitExceeded')


def test_a_long_text_that_fits_its_index_is_kept_by_a_rebuild(world: World) -> None:
    """As it is live: PostgreSQL compresses it."""
    records, projection = world.records(), Counting()
    started, builder = begun(world, projection, [with_accession(world, records[0], "A" * 6_000), *records[1:]])
    builder.build(started.todo)
    rebuild.finish(world.url, projection, started)
    assert world.reasons() == []
    assert world.query("SELECT max(length(accession)) FROM patient_record_v2.study") == [(6_000,)]


def test_a_half_built_version_cannot_be_promoted(world: World) -> None:
    begun(world, Counting(), world.records())
    with pytest.raises(NotPromotable, match="building, not ready"):
        versions.promote(world.url, VIEW, 2, ACTOR)


def test_each_switch_is_written_down_with_who_and_what_differed(world: World) -> None:
    built(world)
    versions.promote(world.url, VIEW, 2, "rpps:10101201233", summary={"changed": 3})
    versions.rollback(world.url, VIEW, ACTOR)
    with closing(psycopg2.connect(world.url)) as connection:
        done = [(s["what"], s["actor"], s["summary"]) for s in switches(connection, VIEW)]
    assert done == [("promoted", "rpps:10101201233", {"changed": 3}), ("rolled_back", ACTOR, None)]


def test_a_switch_asked_again_under_its_id_is_made_once_and_answers_as_the_first_time(world: World) -> None:
    built(world)
    promote, back, drop = uuid4(), uuid4(), uuid4()
    for _ in range(2):
        done = versions.promote(world.url, VIEW, 2, ACTOR, token=promote)
        assert (done.what, done.version, done.former) == ("promoted", 2, 1)
    for _ in range(2):
        assert versions.rollback(world.url, VIEW, ACTOR, token=back).what == "rolled_back"
    for _ in range(2):
        assert versions.drop(world.url, VIEW, 2, ACTOR, token=drop).what == "dropped"
    with closing(psycopg2.connect(world.url)) as connection:
        assert len(switches(connection, VIEW)) == 3
    for actor, token in ((ACTOR, promote), ("operator:other", back)):
        with pytest.raises(IdTaken):  # W5: of another kind, or somebody else's
            versions.rollback(world.url, VIEW, actor, token=token)


def test_init_does_not_bring_back_a_version_that_was_promoted_away(world: World) -> None:
    built(world)
    versions.promote(world.url, VIEW, 2, ACTOR)
    versions.drop(world.url, VIEW, 1, ACTOR)
    creation.create(world.url, PatientRecord())
    assert state(world) == {2: "live"}


def test_readers_hammering_during_fifty_switches_see_no_error_and_no_mix(world: World) -> None:
    """Each reads two tables in one transaction: both of one version, always."""
    built(world)
    stop, wrong, reads = threading.Event(), [], [0]

    def hammer() -> None:
        with closing(psycopg2.connect(world.url)) as connection:
            connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
            while not stop.is_set():
                try:
                    with connection, connection.cursor() as cursor:
                        cursor.execute("SELECT sum(instances) FROM patient_record.study")
                        (first,) = cursor.fetchone() or (0,)
                        cursor.execute("SELECT count(*) FROM patient_record.report")
                        cursor.execute("SELECT sum(instances) FROM patient_record.study")
                        if first not in (15, 18) or cursor.fetchone() != (first,):
                            wrong.append(first)
                        reads[0] += 1
                except psycopg2.Error as error:
                    wrong.append(type(error).__name__)

    threads = [threading.Thread(target=hammer) for _ in range(3)]
    for thread in threads:
        thread.start()
    for switch in range(50):
        if switch % 2:
            versions.rollback(world.url, VIEW, ACTOR)
        else:
            versions.promote(world.url, VIEW, 2, ACTOR)
    stop.set()
    for thread in threads:
        thread.join()
    assert (wrong, reads[0] > 50) == ([], True)


def test_a_number_of_a_version_that_was_dropped_is_not_given_again(world: World) -> None:
    """The ledger names it."""
    built(world)
    versions.drop(world.url, VIEW, 2, ACTOR)
    with closing(psycopg2.connect(world.url)) as connection:
        assert rebuild.next_version(connection, VIEW, 1) == 3


def test_a_build_that_lacks_a_partition_is_not_finished(world: World) -> None:
    started, _ = begun(world, Counting(), world.records())
    with pytest.raises(PartsLeft, match=f"v2 lacks 1 partitions, {STUDIES}/0 first"):
        rebuild.finish(world.url, Counting(), started)
    assert state(world) == {1: "live", 2: "building"}


def letters(world: World, version: int) -> list[tuple[Any, ...]]:
    return world.query(
        'SELECT "offset", key::text, reason FROM views.dead_letter WHERE version = %s ORDER BY 1', version
    )


def test_what_is_no_event_at_all_is_a_dead_letter_live_and_rebuilt(world: World) -> None:
    """A tombstone, a null header and a null key: Kafka allows them, and the relay writes none."""
    good = world.records()
    odd: list[Any] = [
        Record(STUDIES, 0, 3, b"key", None, (("version", b"1"),)),  # type: ignore[arg-type]
        Record(STUDIES, 0, 4, b"other", good[0].value, (("position", None), ("version", b"1"))),  # type: ignore[arg-type]
        Record(STUDIES, 0, 5, None, b"", ()),  # type: ignore[arg-type]
    ]
    world.region.receive(study_uid="2.25.9")
    records = [*good, *odd, *(r._replace(offset=r.offset + 3) for r in world.records()[3:])]
    world.store().apply(records)
    started, _ = begun(world, Counting(more=0), records)
    codec = BulkCodec(registry(), world.codec.sealer, PatientRecord.reads)
    Builder(world.url, Counting(more=0), codec, started, lambda _: [records]).build(started.todo)
    rebuild.finish(world.url, Counting(more=0), started)
    assert [offset for offset, *_ in letters(world, 1)] == [3, 4, 5]
    assert letters(world, 1) == letters(world, 2)
    said = summary(world)
    assert (said["equal"], said["dead_letters"]) == (True, {"live": 3, "candidate": 3})
    with closing(psycopg2.connect(world.url)) as connection:
        assert [one["dead_letters"] for one in catalog.status(connection, {})] == [3, 3]


def test_a_build_goes_on_with_the_partitions_that_are_not_done(world: World) -> None:
    records = world.records()
    ends = {(STUDIES, 0): len(records), (STUDIES, 1): 0}
    first = rebuild.begin(world.url, Counting(), ends)
    Builder(world.url, Counting(), world.codec, first, lambda _: [records]).build([Part(STUDIES, 0, len(records))])
    second = rebuild.begin(world.url, Counting(), ends)
    assert (second.todo, second.resumed) == ((Part(STUDIES, 1, 0),), len(records))


def test_a_version_is_vacuumed_once_it_is_ready_and_not_while_it_is_loaded(world: World) -> None:
    vacuumed = """SELECT DISTINCT reloptions IS NULL FROM pg_class
        WHERE relnamespace = 'patient_record_v2'::regnamespace AND relkind = 'r'"""
    started, builder = begun(world, Counting(), world.records())
    assert world.query(vacuumed) == [(False,)]
    builder.build(started.todo)
    rebuild.finish(world.url, Counting(), started)
    assert world.query(vacuumed) == [(True,)]


def test_a_build_of_something_else_begins_anew(world: World) -> None:
    records = world.records()
    first = rebuild.begin(world.url, Counting(), {(STUDIES, 0): len(records)}, until=1)
    Builder(world.url, Counting(), world.codec, first, lambda _: [records]).build(first.todo)
    second = rebuild.begin(world.url, Counting(), {(STUDIES, 0): len(records)}, until=2)
    assert (len(second.todo), second.resumed) == (1, 0)


def test_a_build_of_other_code_begins_anew(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when the program was upgraded between a kill and the next start."""
    first, builder = begun(world, Counting(), world.records())
    builder.build(first.todo)
    monkeypatch.setattr(rebuild, "code_digest", lambda _: "0ther")
    second, _ = begun(world, Counting(), world.records())
    assert (len(second.todo), second.resumed) == (1, 0)
    assert world.query("SELECT code FROM views.view_version WHERE version = 2") == [("0ther",)]


def of_other_code(world: World, version: int) -> None:
    world.query("UPDATE views.view_version SET code = '0ther' WHERE version = %s RETURNING 1", version)


def test_a_version_of_other_code_is_kept_up_to_date_by_that_code_alone(world: World) -> None:
    built(world)
    of_other_code(world, 1)
    with closing(psycopg2.connect(world.url)) as connection:
        assert tailing.tailed(connection, OURS) == [(VIEW, 2)]
        assert tailing.tailed(connection, {VIEW: "0ther"}) == [(VIEW, 1)]
        tailing.check_code(connection, Counting())
        with pytest.raises(OtherCode, match=r"v1 was built by another release \(code 0ther, here [0-9a-f]{8}\)"):
            tailing.check_code(connection, PatientRecord())


def test_init_leaves_a_version_of_other_code_alone_though_its_tables_differ(world: World) -> None:
    of_other_code(world, 1)
    world.query("ALTER TABLE patient_record_v1.study RENAME TO exam")
    assert creation.create(world.url, PatientRecord()) is False
    assert world.query("SELECT to_regclass('patient_record_v1.study')::text") == [(None,)]


def test_init_takes_what_an_earlier_program_made_without_a_note_for_its_own_once(world: World) -> None:
    world.query("ALTER TABLE views.view_version DROP COLUMN code, DROP COLUMN until")
    assert creation.create(world.url, PatientRecord()) is True
    of_other_code(world, 1)
    assert creation.create(world.url, PatientRecord()) is False
    assert world.query("SELECT code FROM views.view_version") == [("0ther",)]


def test_a_builder_that_was_replaced_writes_nothing(world: World) -> None:
    """As when the command was killed, run again, and a process of the first still lives."""
    records = world.records()
    first, builder = begun(world, Counting(), records)
    rebuild.begin(world.url, Counting(), {(STUDIES, 0): len(records)})
    with pytest.raises(BuilderReplaced, match="later start"):
        builder.build(first.todo)
    assert world.query("SELECT count(*) FROM patient_record_v2.study") == [(0,)]


def test_a_version_that_readers_see_is_not_built_over(world: World) -> None:
    with pytest.raises(NotBuilding, match="is live"):
        rebuild.begin(world.url, PatientRecord(), {(STUDIES, 0): 1})


def test_a_build_stops_at_the_position_that_was_asked(world: World) -> None:
    records = world.records()
    until = int(dict(records[1].headers)["position"])
    started = rebuild.begin(world.url, Counting(), {(STUDIES, 0): len(records)})
    Builder(world.url, Counting(), world.codec, started, lambda _: [records], until=until).build(started.todo)
    rebuild.finish(world.url, Counting(), started)
    found = world.query("SELECT next, ledger_position FROM views.position WHERE version = 2")
    assert (found, world.query("SELECT count(*) FROM patient_record_v2.study")) == ([(2, until)], [(2,)])


def built_until(world: World, position: int) -> None:
    records = world.records()
    started = rebuild.begin(world.url, Counting(), {(STUDIES, 0): len(records)}, until=position)
    builder = Builder(world.url, Counting(), world.codec, started, lambda _: [records], until=position)
    builder.build(started.todo)
    rebuild.finish(world.url, Counting(), started)


def test_a_version_that_was_to_stop_at_a_position_is_not_kept_up_to_date(world: World) -> None:
    """Neither by krypton run nor by a worker that is started by hand; status says where it stops."""
    built_until(world, 3)
    with closing(psycopg2.connect(world.url)) as connection:
        assert tailing.tailed(connection, OURS) == [(VIEW, 1)]
        assert [one["until"] for one in catalog.status(connection, {})] == [None, 3]
        with pytest.raises(StopsEarly, match="built up to position 3"):
            tailing.check_tailed(connection, VIEW, 2)


def test_a_version_that_was_to_stop_is_promoted_by_force_alone_and_goes_on_from_then(world: World) -> None:
    built_until(world, 3)
    with pytest.raises(StopsEarly, match="--force"):
        versions.promote(world.url, VIEW, 2, ACTOR)
    versions.promote(world.url, VIEW, 2, ACTOR, force=True)
    with closing(psycopg2.connect(world.url)) as connection:
        assert tailing.tailed(connection, OURS) == [(VIEW, 1), (VIEW, 2)]


def test_tables_of_an_earlier_program_get_the_columns_that_they_lack(world: World) -> None:
    world.query("ALTER TABLE views.view_version DROP COLUMN until")
    creation.create(world.url, PatientRecord())
    built_until(world, 3)
    assert world.query("SELECT until FROM views.view_version ORDER BY version") == [(None,), (3,)]


def test_equal_versions_differ_in_nothing(world: World) -> None:
    built(world, Counting(more=0))
    found = summary(world)
    assert (found["equal"], found["settled"]) == (True, True)


def test_a_diff_counts_what_is_added_gone_and_changed(world: World) -> None:
    built(world)
    world.query("DELETE FROM patient_record_v1.study WHERE study_uid = '2.25.0'")
    world.query("DELETE FROM patient_record_v2.study WHERE study_uid = '2.25.1'")
    (study,) = [t for t in summary(world)["tables"] if t["table"] == "study"]
    assert study == {"table": "study", "added": 1, "gone": 1, "changed": 1, "columns": []}


def test_a_listing_names_keys_and_columns_page_by_page(world: World) -> None:
    built(world)
    pair = diff.Pair(VIEW, 1, 2)
    with closing(psycopg2.connect(world.url)) as connection:
        pages = [diff.listing(connection, pair, "study", offset, 2) for offset in (0, 2, 4)]
    assert [[(row["change"], row["columns"]) for row in page] for page in pages] == [
        [("changed", ["instances"])] * 2,
        [("changed", ["instances"])],
        [],
    ]


def other_tables(world: World, *statements: str) -> dict[str, dict[str, Any]]:
    """A candidate whose tables differ; what its summary says of each table."""
    built(world, Counting(more=0))
    for statement in statements:
        world.query(statement)
    found = summary(world)
    assert found["equal"] is False
    return {one["table"]: one for one in found["tables"]}


def listed(world: World, table: str) -> list[tuple[str, list[str]]]:
    with closing(psycopg2.connect(world.url)) as connection:
        found = diff.listing(connection, diff.Pair(VIEW, 1, 2), table)
    return [(row["change"], sorted(row["key"])) for row in found]


def test_a_table_that_only_one_version_has_is_added_or_gone_whole(world: World) -> None:
    found = other_tables(
        world,
        "CREATE TABLE patient_record_v2.device AS SELECT study_uid, 1 AS uses FROM patient_record_v1.study",
        "ALTER TABLE patient_record_v2.device ADD PRIMARY KEY (study_uid)",
        "ALTER TABLE patient_record_v2.study RENAME TO exam",
    )
    counts = {name: (found[name]["added"], found[name]["gone"]) for name in ("device", "exam", "study")}
    assert counts == {"device": (3, 0), "exam": (3, 0), "study": (0, 3)}
    assert found["device"]["columns"] == ["study_uid", "uses"]
    assert listed(world, "device") == [("added", ["study_uid"])] * 3
    assert listed(world, "study") == [("gone", ["study_id"])] * 3


def test_rows_under_another_key_are_all_replaced(world: World) -> None:
    found = other_tables(
        world,
        "ALTER TABLE patient_record_v2.study DROP CONSTRAINT study_pkey",
        "ALTER TABLE patient_record_v2.study ADD PRIMARY KEY (identity_id, study_uid)",
    )["study"]
    assert (found["added"], found["gone"], found["changed"]) == (3, 3, 0)
    assert found["columns"] == ["study_id", "identity_id", "study_uid"]
    assert listed(world, "study") == [("added", ["identity_id", "study_uid"])] * 3 + [("gone", ["study_id"])] * 3


def test_a_column_of_another_type_is_named_and_not_compared(world: World) -> None:
    found = other_tables(world, "ALTER TABLE patient_record_v2.study ALTER instances TYPE text")["study"]
    assert (found["changed"], found["columns"]) == (0, ["instances"])


def test_a_version_with_other_tables_is_promoted_and_taken_back(world: World) -> None:
    other_tables(world, "ALTER TABLE patient_record_v2.study RENAME TO exam")
    seen = "SELECT viewname FROM pg_views WHERE schemaname = 'patient_record' AND viewname IN ('study', 'exam')"
    versions.promote(world.url, VIEW, 2, ACTOR)
    assert world.query(seen) == [("exam",)]
    versions.rollback(world.url, VIEW, ACTOR)
    assert world.query(seen) == [("study",)]


def test_a_table_that_no_version_has_is_named_with_those_that_there_are(world: World) -> None:
    built(world)
    with (
        closing(psycopg2.connect(world.url)) as connection,
        pytest.raises(NotFound, match="no table stduy; its tables are"),
    ):
        diff.listing(connection, diff.Pair(VIEW, 1, 2), "stduy")


def test_versions_that_have_not_read_equally_far_are_not_settled(world: World) -> None:
    built(world, Counting(more=0))
    world.region.receive(study_uid="2.25.9")
    world.store().apply(world.records())
    assert summary(world)["settled"] is False
