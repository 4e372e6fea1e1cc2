"""What operators see: the directory, how far the views are, what waits in dead letters, and what is not ready yet."""

import base64
import json
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.request import urlopen
from uuid import uuid4

import psycopg2
import pytest
from kafka import KafkaProducer
from prometheus_client.parser import text_string_to_metric_families

from domain.check_digit import check_digit
from krypton.devstack.stack import Stack
from krypton.errors import ServiceUnavailable
from krypton.services import decisions as counting
from krypton.services.decisions import Decision, counted
from krypton.services.logins import RELAY
from krypton.views.lag import wait_for_views
from projections.declared import VIEWS
from streams.broker import broker
from streams.broker.partition import partition_of
from streams.broker.topics import DEAD_LETTERS, PARTITIONS
from tests.fakes.ports import free_port
from tests.integration.live_cli import AE_TITLE, CLINICIAN, SITE, CommandLine, Region, region
from tests.waiting import WITHIN_S, until

__all__ = ["region"]
pytestmark = pytest.mark.live

IDENTITIES = "krypton.identities"


def test_sites_are_listed_with_their_ae_titles(region: Region) -> None:
    sites = {site["code"]: site for site in region.ask("site", "list")}
    assert sites["CHB"] == {
        "code": "CHB",
        "name": "CH du Bac à sable",
        "finess": None,
        "ae_titles": [AE_TITLE],
        "services": [],
    }


def test_a_site_gets_a_device_and_a_service(region: Region) -> None:
    code = f"D-{uuid4().hex[:6].upper()}"
    region.ask("site", "enroll", code, "--name", "Essai", "--finess", "330000001")
    region.ask("site", "device", code, "--ae-title", code, "--kind", "modality")
    region.ask("site", "service", code, "--name", "teleradiology")
    found = next(site for site in region.ask("site", "list") if site["code"] == code)
    assert (found["finess"], found["ae_titles"], found["services"]) == ("330000001", [code], ["teleradiology"])


def test_an_ae_title_of_another_site_is_refused(region: Region) -> None:
    said = region.complaint(1, "site", "device", "CHP", "--ae-title", AE_TITLE)
    assert said == f"refused: AE title {AE_TITLE} belongs to CHB already: use another on the device (E5)"


def test_professionals_are_listed_with_their_sites(region: Region) -> None:
    ten = f"3{uuid4().int % 10**9:09}"
    rpps = ten + check_digit(ten)
    region.ask("professional", "register", rpps, "--name", "Dr Essai", "--profession", "physician", "--site", "CHB")
    region.ask("professional", "affiliate", rpps, "--site", "CHP")
    region.ask("professional", "suspend", rpps, "--reason", "left")
    found = next(p for p in region.ask("professional", "list") if p["rpps"] == rpps)
    assert found == {
        "rpps": rpps,
        "name": "Dr Essai",
        "profession": "physician",
        "sites": ["CHB", "CHP"],
        "suspended": True,
    }
    said = region.complaint(1, "professional", "register", CLINICIAN, "--name", "Dr", "--profession", "x")
    assert said.endswith("is registered already: affiliate them instead (P2)")


def test_lists_of_sites_and_of_professionals_are_imported(region: Region, tmp_path: Path) -> None:
    """What is wrong is named by line and column, comes back to be corrected, and the rest is there at once."""
    code, ten = f"I-{uuid4().hex[:6].upper()}", f"4{uuid4().int % 10**9:09}"
    rpps, sites, people, kept = ten + check_digit(ten), *(tmp_path / name for name in ("s.csv", "p.csv", "k.csv"))
    sites.write_text(f"Code;Nom;FINESS;Titres AE\n{code};Essai;330000001;{code}, {code}_CT\n{code}-2;Essai;33;\n")
    people.write_text(f"RPPS;Nom;Profession;Site\n{ten};Dr Essai;physician;\n{rpps};Dr Essai;physician;CHB, {code}\n")
    said = region.run("site", "import", sites, "--rejects", kept, "--json")
    told = json.loads(said.out)
    assert (said.code, told["enrolled"]) == (1, 1)
    assert [(one["line"], one["column"]) for one in told["refused"]] == [(3, "FINESS")]
    kept.write_text(kept.read_text().replace(";33;", ";330000002;"))
    assert region.ask("site", "import", kept)["enrolled"] == 1
    found = next(site for site in region.ask("site", "list") if site["code"] == code)
    assert (found["finess"], found["ae_titles"]) == ("330000001", [code, f"{code}_CT"])
    said = region.run("professional", "import", people)
    assert (said.code, "RPPS" in said.out) == (1, True)
    assert "an RPPS number has 11 digits" in " ".join(said.out.split())
    found = next(one for one in region.ask("professional", "list") if one["rpps"] == rpps)
    assert found["sites"] == ["CHB", code]


def decisions(region: Region) -> dict[Decision, int]:
    """What Prometheus is told: decisions so far."""
    port, told = dict(region.settings)["KRYPTON_HEALTH_PORT"], [""]

    def page() -> str:
        with suppress(OSError), urlopen(f"http://127.0.0.1:{port}/metrics", timeout=WITHIN_S) as answer:
            told.append(answer.read().decode())
        return told[-1]

    until(lambda: "krypton_decisions_total{" in page(), "the page of health")
    (family,) = [one for one in text_string_to_metric_families(told[-1]) if one.name == "krypton_decisions"]
    return {Decision(**one.labels): int(one.value) for one in family.samples}


def test_each_decision_moves_its_number(region: Region) -> None:
    """The page of health takes part in none: it finds them in the ledger."""
    before = decisions(region)
    ref = region.register()
    doctor = ("--as", f"rpps:{CLINICIAN}", "--reason", "follow-up")
    region.ask("access", "open", ref, *doctor)
    region.settle()
    region.ask("record", "show", ref, *doctor)
    region.complaint(1, "audit", "history", ref, *doctor)
    moved = {
        Decision("gate", "granted", "professional", "X6"),
        Decision("gate", "viewed", "professional", "X12"),
        Decision("gate", "refused", "professional", "W2"),
        Decision("matching", "left", "service", ""),  # no matching rules are in force here
    }
    now: dict[Decision, int] = {}

    def told() -> bool:
        now.update(decisions(region))
        return all(now.get(one, 0) > before.get(one, 0) for one in moved)

    until(told, "each number moved")
    assert {one for one, n in now.items() if one.by == "gate" and n > before.get(one, 0)} == {
        one for one in moved if one.by == "gate"
    }


def test_a_ledger_that_was_never_counted_is_counted_page_by_page(
    region: Region, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing is told until all is: a number that climbs would look like a rate."""
    url = region.krypton.addresses.database
    whole = counted(url)
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("UPDATE ledger.decided SET position = 0, counts = '[]'")
    monkeypatch.setattr(counting, "PAGE", region.head // 3 + 1)
    monkeypatch.setattr(counting, "MOST_S", 0)
    assert [counted(url), counted(url)] == [{}, {}]
    found = counted(url)
    assert {one: n for one, n in found.items() if one.by == "gate"} == {
        one: n for one, n in whole.items() if one.by == "gate"
    }


def test_views_status_has_the_keys_that_programs_rely_on(region: Region) -> None:
    region.register()
    region.settle()
    views = region.ask("views", "status")
    assert {view["view"] for view in views} == set(VIEWS)
    assert all(v.keys() >= {"view", "version", "state", "position", "lag", "rows", "rules"} for v in views)
    assert {v["state"] for v in views} == {"live"}
    assert {v["lag"] for v in views} == {0}


def test_topics_tell_how_many_records_each_holds(region: Region) -> None:
    region.settle()
    found = {one["topic"]: one for one in region.ask("topics")}
    assert {topic: one["partitions"] for topic, one in found.items()} == dict(PARTITIONS)
    region.register()
    region.settle()
    after = {one["topic"]: one["records"] for one in region.ask("topics")}
    assert after[IDENTITIES] == found[IDENTITIES]["records"] + 1


class TestEvents:
    """What is on Kafka, as any subscriber gets it."""

    @pytest.fixture(scope="class")
    @classmethod
    def identity(cls, region: Region) -> str:
        """Somebody whose first name only the vault can tell."""
        identity: str = region.ask("identity", "show", region.register(given="Odette"))["identity"]
        region.settle()
        return identity

    def test_they_come_in_ledger_order_with_the_envelope_and_nothing_personal(
        self, region: Region, identity: str
    ) -> None:
        found = region.ask("events", "--from", "3")
        assert [one["position"] for one in found] == sorted({one["position"] for one in found})
        assert found[0]["position"] == 3
        one = next(one for one in found if one["key"] == identity)
        assert (one["topic"], one["type"], one["version"], one["actor"]) == (
            IDENTITIES, "identity.registered", 1, "clerk:dev",
        )  # fmt: skip
        assert (one["fields"]["traits"], one["fields"]["assigner"]) == ("[sealed]", SITE)
        assert "Odette" not in str(found)

    def test_topic_type_key_and_range_narrow_what_comes(self, region: Region, identity: str) -> None:
        (one,) = region.ask("events", "--key", identity)
        position = one["position"]
        assert region.ask("events", "--from", position, "--to", position) == [one]
        assert region.ask("events", "--type", "identity.registered", "--key", identity, "--topic", IDENTITIES) == [one]
        assert region.ask("events", "--type", "study.arrived", "--key", identity) == []
        assert len(region.ask("events", "--limit", "2")) == 2

    def test_a_table_shows_the_first(self, region: Region, identity: str) -> None:
        said = region.show("events", "--key", identity)
        assert identity[:8] in said
        assert "identity.registered" in said

    @pytest.mark.parametrize(("option", "what"), [("--topic", "krypton.study"), ("--type", "study.arived")])
    def test_what_is_misspelt_is_said_with_what_there_is(self, region: Region, option: str, what: str) -> None:
        said = region.complaint(2, "events", option, what)
        assert f"{what}: there are" in said


def test_init_is_safe_to_repeat(region: Region) -> None:
    said = region.run("init")
    assert (said.code, said.out) == (0, "")
    assert f"topics: 0 made, {len(PARTITIONS)} there already" in said.err


def test_wait_names_the_view_that_lags(region: Region) -> None:
    """Its worker is frozen for a moment, shorter than its group waits for it."""
    region.settle()
    alone = "not up to date: access_history (2 behind)"
    worker = region.worker("access_history")
    worker.suspend()
    told: list[tuple[int, int]] = []
    try:
        region.ask("consent", "oppose", region.register())
        until(lambda: alone in region.complaint(4, "wait", "--timeout", "1"), "all but that view have read it")
        said = region.complaint(4, "wait", "--timeout", "1")
        with pytest.raises(ServiceUnavailable):
            wait_for_views(region.krypton, 0.0, lambda *reached: told.append(reached))
    finally:
        worker.resume()
    assert told[-1][1] - told[-1][0] == 2
    assert said.startswith(f"unavailable: timed out: {alone}")
    assert said.endswith("is krypton run running?")
    wait_for_views(region.krypton, WITHIN_S, lambda *reached: told.append(reached))
    assert told[-1][0] == told[-1][1]


class TestDeadLetters:
    """A record that the ledger did not write is left out and told of; its key and all others go on."""

    @pytest.fixture(scope="class")
    @classmethod
    def planted(cls, region: Region) -> dict[str, Any]:
        """An identity under whose key garbage came, and a correction of it after that."""
        ref = region.register()
        region.settle()
        identity = region.ask("identity", "show", ref)["identity"]
        region.ask("site", "device", "CHP", "--ae-title", "NEWER")  # so that the garbage seems newer than the identity
        plant(region, identity)
        region.ask("identity", "correct", ref, "--given", "MARKEDLATER", "--reason", "after the garbage")
        region.settle()
        everywhere = [one for one in region.ask("dead-letters", "list") if one["key"] == identity]
        letters = [one for one in everywhere if one["view"] == "identity_index"]
        return {"ref": ref, "identity": identity, "letters": letters, "everywhere": everywhere}

    def test_the_garbage_alone_is_listed_with_the_reason(self, planted: dict[str, Any]) -> None:
        (letter,) = planted["letters"]
        assert letter.keys() == {"id", "view", "version", "topic", "partition", "offset", "key", "reason", "forged"}
        assert letter["forged"] is True
        assert (letter["view"], letter["topic"]) == ("identity_index", IDENTITIES)
        assert "MARKED" not in str(letter)

    def test_wait_names_the_topic_and_the_way_back(self, region: Region, planted: dict[str, Any]) -> None:
        said = region.complaint(4, "wait", "--timeout", "180")
        assert f"{IDENTITIES} holds 1 records that this ledger did not write" in said
        assert f"krypton recover {IDENTITIES}" in said

    def test_whoever_reads_the_topic_leaves_it_out(self, planted: dict[str, Any]) -> None:
        assert {"identity_index", "policy-matching"} <= {one["view"] for one in planted["everywhere"]}

    def test_its_key_and_others_go_on(self, region: Region, planted: dict[str, Any]) -> None:
        assert region.ask("identity", "show", planted["ref"])["traits"]["given"] == "MARKEDLATER"
        other = region.register(given="Later")
        region.settle()
        assert region.ask("identity", "show", other)["traits"]["given"] == "Later"

    def test_events_behind_it_are_read(self, region: Region, planted: dict[str, Any]) -> None:
        """It is not the ledger's, and states a position that is far ahead: nothing behind it is a repeat."""
        found = region.ask("events", "--key", planted["identity"], "--from", 2)
        assert [one["type"] for one in found] == ["identity.registered", "identity.traits_corrected"]

    def test_one_letter_is_shown(self, region: Region, planted: dict[str, Any]) -> None:
        (letter,) = planted["letters"]
        assert region.ask("dead-letters", "show", letter["id"]) == letter
        assert letter["topic"] in region.show("dead-letters", "show", letter["id"])

    def test_a_replay_is_refused_with_the_reason_and_changes_nothing(
        self, region: Region, planted: dict[str, Any]
    ) -> None:
        said = region.complaint(1, "dead-letters", "replay", planted["letters"][0]["id"])
        assert said.startswith("refused: ")
        letters = region.ask("dead-letters", "list", "--view", "identity_index")
        assert [one for one in letters if one["key"] == planted["identity"]] == planted["letters"]

    def test_letters_go_to_the_dead_letter_topic(self, region: Region, planted: dict[str, Any]) -> None:
        def published() -> bool:
            records = {one["topic"]: one["records"] for one in region.ask("topics")}
            return bool(records[DEAD_LETTERS] >= len(planted["everywhere"]))

        until(published, "dead letters published")

    def test_a_letter_that_is_not_there_is_not_found(self, region: Region) -> None:
        for command in ("show", "replay"):
            said = region.complaint(3, "dead-letters", command, 999_999)
            assert said == "not found: no dead letter 999999: see krypton dead-letters list"


def plant(region: Region, key: str) -> None:
    """Put garbage with the ledger's headers, and a position far above its head, on the topic of identities."""
    position = region.head + 1_000_000
    headers = [("ce_id", f"{key}/999".encode()), ("position", str(position).encode()), ("version", b"999")]
    producer = KafkaProducer(**broker.options(broker.under(region.krypton.addresses.kafka, RELAY)))
    try:
        partition = partition_of(key.encode(), PARTITIONS[IDENTITIES])
        sent = producer.send(IDENTITIES, b"garbage", key.encode(), headers, partition)
        sent.get(WITHIN_S)
    finally:
        producer.close(5)


class TestNotReady:
    """Servers that run, but not all of them, or with nothing in them yet."""

    @pytest.fixture
    def empty(self, region: Region) -> Iterator[CommandLine]:
        """The region's broker, and a database in which nobody ran ``krypton init``."""
        stack, name = Stack(region.home), f"empty_{uuid4().hex}"
        given = {"KRYPTON_DATABASE": stack.new_database(name), "KRYPTON_KAFKA": stack.addresses().kafka}
        key = {"KRYPTON_MASTER_KEY": base64.b64encode(bytes(32)).decode()}
        yield CommandLine(region.home / "empty", tuple((given | key).items()))
        stack.drop_database(name)

    @pytest.mark.parametrize(
        "command",
        [
            "site list",
            "site enroll CHB --name Essai",
            "identity show CHB|1",
            "identity review list",
            "dose alerts",
            "views status",
            "dead-letters list",
            "wait --timeout 1",
        ],
    )
    def test_a_database_without_tables_asks_for_init(self, empty: CommandLine, command: str) -> None:
        said = empty.complaint(4, *command.split())
        assert said.startswith("unavailable: ")
        assert "not there yet" in said
        assert said.endswith(": run krypton init")

    def test_a_broker_that_is_gone_is_named_though_the_database_answers(self, region: Region) -> None:
        without = replace(region, settings=(*region.settings, ("KRYPTON_KAFKA", f"127.0.0.1:{free_port()}")))
        said = without.run_apart("topics")
        assert said.code == 4
        assert said.err.startswith("unavailable: kafka does not answer at ")
        assert without.ask("site", "list")

    def test_an_unknown_view_has_no_worker(self, region: Region) -> None:
        said = region.complaint(3, "worker", "everything")
        assert said.startswith("not found: no view everything: there are patient_record, ")
