"""A ledger on PostgreSQL and its views under rules, without Kafka: records come straight from the event store."""

import base64
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from domain.commands.directory import EnrollSite
from domain.commands.doses import ReceivedDose
from domain.commands.identities import Register
from domain.commands.rules import PublishRules
from domain.ports import Answer
from domain.rules.document import document, read_document
from domain.work import Command, Envelope
from krypton.addresses import Addresses
from krypton.bootstrap import Krypton
from krypton.settings import Settings
from krypton.views import compare, promote
from projections.declared import VIEWS
from projections.engine.store import ViewStore
from projections.identity_index import whole
from projections.versions import catalog, diff, rebuild
from projections.versions.diff import Pair
from projections.versions.rebuild import Builder
from schemas.event import LedgerEvent, Record
from streams.broker.topics import PARTITIONS
from tests.fakes import weighing
from tests.fakes.databases import install_tables
from tests.fakes.region import received
from tests.fakes.sql import Asker
from tests.fakes.topic import records
from tests.fakes.weighing import ALIKE

RULES = Path(__file__).parents[2] / "rules"
SITES = ("CHA", "CHB", "CHC")


def _ledger(url: str, home: Path) -> Krypton:
    settings = Settings(home, database=url, test_given=True, master_key_base64=base64.b64encode(bytes(32)).decode())
    return Krypton(settings, Addresses("127.0.0.1:1", url), kept=1)


def install_to(url: str, home: Path) -> None:
    """What every world begins with."""
    ours = _ledger(url, home)
    install_tables(ours)
    for code in SITES:
        ours.execute(EnrollSite(code=code, name=f"Hospital {code}"), Envelope("system:test"))
    ours.close()


def regions_decided(patch: pytest.MonkeyPatch) -> list[str]:
    """The schemas of which a whole region is decided from now on."""
    found: list[str] = []
    real: Callable[..., Any] = whole.found

    def count(connection: Any, schema: str, *given: Any) -> Any:
        found.append(schema)
        return real(connection, schema, *given)

    patch.setattr(whole, "found", count)
    return found


class RuledWorld:
    """Three hospitals; every view has its first version, live. ``url``: of a database where that is installed."""

    def __init__(self, url: str, home: Path) -> None:
        self.url = url
        self.ours = _ledger(url, home)
        self.stores: dict[tuple[str, int], ViewStore] = {}
        self.erased: list[str] = []
        self._asker = Asker(url)

    def ask(self, command: Command) -> Answer:
        """Execute under a new command id."""
        return self.ours.execute(command, Envelope("system:test"))

    def publish(self, kind: str, version: int, body: Mapping[str, Any], in_force_from: str = "2020-01-01") -> None:
        """Publish rules; nothing decides by them yet."""
        told = {"kind": kind, "version": version, "in_force_from": in_force_from, "body": body}
        self.ask(PublishRules(document=document(told)))

    def matching(self, version: int, **limits: Any) -> None:
        """Publish the matching rules of tests. ``limits``: those that are to be others."""
        self.publish("matching", version, weighing.body(**limits))

    def shipped(self, version: int) -> None:
        """Publish the matching rules that ship, under this version."""
        body = read_document((RULES / "matching-2.json").read_text(), as_json=True).body
        self.publish("matching", version, json.loads(body))

    def register(self, site: str = "CHA", local_id: str = "1", **stated: str) -> str:
        """A local identity of the same person, save what is stated otherwise."""
        command = Register(assigner=site, local_id=local_id, stated={**ALIKE, **stated})
        return str(self.ask(command).result["identity"])

    def receive(self, number: int, *doses: ReceivedDose) -> str:
        """A study with dose reports; returns its id."""
        command = received("CHA", f"2.25.{number}", local_id=f"D{number}", doses=doses)
        return str(self.ask(command).result["study"])

    def records(self, view: str) -> list[Record]:
        """What the relay would have published for the view, in the partitions where it puts it."""
        return records(self.ours.ledger, VIEWS[view].make().topics, PARTITIONS)

    def work(self, view: str) -> None:
        """What the workers of all versions of the view do."""
        found = self.query("SELECT version FROM views.view_version WHERE view = %s AND state <> 'building'", view)
        for (version,) in found:
            if (view, version) not in self.stores:
                self.stores[view, version] = self.ours.view(view, version)
            self.stores[view, version].apply(self.records(view))

    def three_pairs(self) -> None:
        """Three pairs that the rules of matching@1 join, and one that they put to a human; version 2 of the index is
        ready.
        """
        self.matching(1)
        for number in range(3):
            for site in ("CHA", "CHB"):
                self.register(site, str(number), birth_date=f"1970-01-0{number + 2}")
        self.register("CHC", "9", birth_place="")
        self.work("identity_index")
        self.build("identity_index", matching=1)

    def build(self, view: str, **rules: int) -> int:
        """The view's next version under these rules (``dose_alerts=2``), ready; returns it."""
        kinds = {kind.replace("_", "-"): version for kind, version in rules.items()}
        known = [version for (version,) in self.query("SELECT version FROM views.view_version WHERE view = %s", view)]
        projection = self.ours.projection_with(view, kinds, max(known) + 1)
        parts: dict[tuple[str, int], list[Record]] = {}
        for record in self.records(view):
            parts.setdefault((record.topic, record.partition), []).append(record)
        started = rebuild.begin(self.url, projection, {part: len(held) for part, held in parts.items()})
        builder = Builder(
            self.url, projection, self.ours.codec, started, lambda part: [parts[part.topic, part.partition]]
        )
        builder.build(started.todo)
        rebuild.finish(self.url, projection, started, self.erased)
        return projection.version

    def promote(self, view: str, version: int) -> Mapping[str, Any]:
        """Promote, and let the workers see what was decided."""
        done = promote.promote(self.ours, view, version, "system:test", summary={"equal": False})
        self.work(view)
        return done

    def rollback(self, view: str) -> Mapping[str, Any]:
        """Go back, and let the workers see what was decided."""
        done = promote.rollback(self.ours, view, "system:test")
        self.work(view)
        return done

    def lacks(self, _ours: Krypton, view: str, position: int, _s: float, version: int | None = None) -> str:
        """Stands for ``lag.lacks``, which asks Kafka; here all that is stored counts as relayed."""
        found = 'SELECT topic, "partition", ledger_position FROM views.position p JOIN views.view_version v'
        asked = "version = %s" if version else "v.state = 'live'"
        values = (view, version) if version else (view,)
        rows = self.query(f"{found} USING (view, version) WHERE view = %s AND {asked}", *values)
        read = {(topic, partition): at for topic, partition, at in rows}
        stored = [((r.topic, r.partition), int(dict(r.headers)["position"])) for r in self.records(view)]
        late = [at for partition, at in stored if read.get(partition, 0) < at <= position]
        return f"{len(late)} events are not applied" if late else ""

    def differs(self, view: str, candidate: int, live: int = 1) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """The summary of the diff, and what it means, one by one."""
        with closing(psycopg2.connect(self.url)) as connection:
            pair = Pair(view, live, candidate, meaning=compare.meaning_of(self.ours, view))
            return diff.summary(connection, pair), diff.meaning(connection, pair)

    def head(self) -> int:
        """The last position."""
        return self.ours.ledger.recorder.max_notification_id() or 0

    def history(self, after: int = 0) -> list[LedgerEvent]:
        """The events stored after a position."""
        found = []
        for stored in self.ours.ledger.recorder.select_notifications(after, 10_000, inclusive_of_start=False):
            schema, data = self.ours.codec.decode(stored.state, stored.originator_version)
            found.append(LedgerEvent(stored.id, schema.type, data[schema.aggregate], stored.originator_version, data))
        return found

    def types(self, after: int) -> dict[str, int]:
        """How many events of each type were stored after a position."""
        return dict(Counter(event.type for event in self.history(after)))

    def persons(self, *identities: str) -> Sequence[str]:
        """Who each of these is, to the readers."""
        known = dict(self.query("SELECT identity_id::text, person_id::text FROM identity_index.node"))
        return [known.get(identity, identity) for identity in identities]

    def query(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """What another session sees."""
        return self._asker.rows(statement, *values)

    def seeds(self, view: str, version: int, table: str) -> list[tuple[Any, ...]]:
        """All rows of one table of one version."""
        return sorted(self.query(f'SELECT * FROM "{view}_v{version}"."{table}"'), key=str)

    def rules(self, view: str, version: int) -> dict[str, int] | None:
        """The rules that a version says it was made with."""
        with closing(psycopg2.connect(self.url)) as connection:
            return catalog.rules_of(connection, view, version)

    def close(self) -> None:
        """Give all connections back."""
        for store in self.stores.values():
            store.close()
        self.ours.close()
        self._asker.close()
