"""Wires one process: settings to adapters, adapters to the ledger, projections to their stores.

Nothing here decides anything. ``Krypton.connect`` is what the command line, the demo and the tests start from.
"""

import gc
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg2

from domain.ids import Ids
from domain.ins import PRODUCTION, TEST
from domain.ledger import Ledger
from domain.ports import Answer
from domain.rules.document import RuleId
from domain.rules.in_force import ABSENT
from domain.work import Command, Envelope
from krypton import master_keys
from krypton.addresses import Addresses, locate
from krypton.errors import ServiceUnavailable, unanswered
from krypton.kafka_login import as_login
from krypton.refs import resolve
from krypton.settings import Settings
from postgres.session import Busy
from postgres.snapshots import Snapshots
from projections.declared import VIEWS, refuse_unknown
from schemas.codec import Codec
from schemas.registry import registry
from streams.broker.broker import OPERATOR

if TYPE_CHECKING:  # imported where used: a command that only asks the ledger need not load every view
    from adapters.archive.archive import Archive
    from adapters.dicom.bounds import Most
    from adapters.eventstore.genuine import Genuine
    from adapters.vault.bulk import BulkVault
    from adapters.vault.derived import Purpose
    from adapters.vault.postgres import PostgresVault
    from adapters.vault.ring import Ring
    from projections.engine.projection import Projection
    from projections.engine.store import ViewStore


def genuine() -> "Genuine":
    """Tells the ledger's own Kafka records from others."""
    from adapters.eventstore.genuine import Genuine
    from streams.broker.partition import partition_of
    from streams.broker.topics import PARTITIONS

    return Genuine(registry(), lambda topic, key: partition_of(key, PARTITIONS[topic]))


def most(settings: Settings) -> "Most":
    """How much of one instance is read."""
    from adapters.dicom.bounds import Most

    return Most(inflated_mib=settings.dicom_inflated_mib, header_mib=settings.dicom_header_mib)


@dataclass(frozen=True)
class Krypton:
    """One process's access to the ledger and its views. Parts are created when first used."""

    settings: Settings
    addresses: Addresses
    pool: int = 4
    """How many connections the event store may hold at most, and the vault as many."""
    kept: int = 0
    """How many connections of snapshots are kept for the next ones."""

    @staticmethod
    def connect(settings: Settings | None = None, login: str | None = OPERATOR) -> "Krypton":
        """``login``: at Kafka, where it asks for one; None for what asks Kafka for nothing.

        Raises ServiceUnavailable where a service is not running, SettingsWrong where one is misconfigured.
        """
        given = settings or Settings.read(os.environ, Path.cwd())
        return Krypton(given, as_login(locate(given.home, given.kafka, given.database), login))

    @cached_property
    def vault(self) -> "PostgresVault":
        """The key vault: beside the events in the same server, where no setting says otherwise."""
        from adapters.vault.postgres import PostgresVault

        beside = self.settings.vault_database is None
        return PostgresVault(self.vault_database, self.ring, beside_events=beside, connections=self.pool)

    @property
    def vault_database(self) -> str:
        """The URL of the vault's database."""
        return self.settings.vault_database or self.addresses.database

    @cached_property
    def ring(self) -> "Ring":
        """The master keys. Raises SettingsWrong."""
        return master_keys.ring(self.settings)

    @cached_property
    def region_secret(self) -> bytes:
        """What every secret but the wrapping of keys is derived from: see ``adapters.vault.derived``.

        Raises ServiceUnavailable before ``krypton init``; SettingsWrong: it is gone, or another ledger's.
        """
        from krypton import region

        with self._database_answers():
            return region.secret_of(self.vault, self.addresses.database)

    def secret(self, purpose: "Purpose") -> bytes:
        """The secret for that purpose. Raises as ``region_secret``."""
        from adapters.vault.derived import derived

        return derived(self.region_secret, purpose)

    @cached_property
    def ids(self) -> Ids:
        """Makes ids from names. Raises as ``region_secret``."""
        from adapters.vault.derived import Purpose

        return Ids(self.secret(Purpose.IDS))

    def bulk_vault(self, most: int) -> "BulkVault":
        """Keys by the thousand, for one who reads the whole log; at most so many are kept."""
        from adapters.vault.bulk import BulkVault

        return BulkVault(self.vault_database, self.ring, most)

    @cached_property
    def codec(self) -> Codec:
        """Encodes, decodes, seals and opens."""
        return Codec(registry(), self.vault)

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger on PostgreSQL."""
        env = {
            "PERSISTENCE_MODULE": "adapters.eventstore",
            "EVENT_STORE_DATABASE": self.addresses.database,
            "EVENT_STORE_CONNECTIONS": str(self.pool),
            "EVENT_STORE_CLOCK_BOUND_S": str(self.settings.clock_bound_s),
        }
        authorities = TEST if self.settings.test_installation else PRODUCTION
        made = Ledger(env, codec=self.codec, vault=self.vault, ids=self.ids, authorities=authorities)
        gc.freeze()  # what exists now stays: walking over it is a quarter of an import, and 60 ms of a large decision
        return made

    @cached_property
    def archive(self) -> "Archive":
        """What this machine keeps of images, to be read."""
        from adapters.archive.archive import Archive
        from adapters.dicom.inlet import spool_at

        return Archive(spool_at(self.settings.instances), most(self.settings))

    def close(self) -> None:
        """Close the connections that are kept; others are opened when they are used again."""
        if "ledger" in vars(self):
            recorder: Any = self.ledger.recorder  # the library's type of it has no close
            recorder.close()
        if "vault" in vars(self):
            self.vault.close()
        if "_snapshots" in vars(self):
            self._snapshots.close()

    @cached_property
    def _snapshots(self) -> Snapshots:
        return Snapshots(self.addresses.database, self.kept)

    @contextmanager
    def snapshot(self) -> Iterator[Any]:
        """A psycopg2 connection for queries, with one consistent snapshot of all views."""
        with self._database_answers():
            connection = self._snapshots.take()
        try:
            yield connection
        except psycopg2.errors.UndefinedTable:
            raise ServiceUnavailable("the views are not there yet: run krypton init") from None
        except psycopg2.errors.UndefinedColumn:
            raise ServiceUnavailable("the views are as an earlier program made them: run krypton init") from None
        finally:
            self._snapshots.give_back(connection)

    @contextmanager
    def looking(self) -> Iterator["Krypton"]:
        """The same, for one who looks again and again: the session of a snapshot stays open for the next look."""
        looks = replace(self, kept=max(1, self.kept))
        try:
            yield looks
        finally:
            looks.close()

    def projection(self, name: str, version: int | None = None) -> "Projection":
        """A view's projection as that version was made, or as the one that readers see. Raises NotFound."""
        from projections.versions import catalog

        refuse_unknown(name)
        with self.snapshot() as connection:
            version = catalog.live_version(connection, name) if version is None else version
            rules = None if version is None else catalog.rules_of(connection, name, version)
        return self.projection_with(name, rules or {}, version)

    def projection_with(self, name: str, rules: Mapping[str, int], version: int | None = None) -> "Projection":
        """A view's projection made with these rule sets, kind to version. Raises NotFound (one was not published)."""
        refuse_unknown(name)
        view = VIEWS[name]
        projection = view.make(*(self._rules(kind, rules.get(kind)) for kind in view.kinds))
        projection.version = projection.version if version is None else version
        return projection

    def _rules(self, kind: str, version: int | None) -> Any:
        absent = ABSENT[kind]
        if version is None or version == absent.version:
            return absent
        return self.ledger.rules().get(RuleId(kind, version))

    def view(self, name: str, version: int | None = None) -> "ViewStore":
        """The store of that version of a view, or of the one that readers see. Raises NotFound, OtherCode."""
        from projections.engine.store import ViewStore

        return ViewStore(self.folding(name, version), self.codec, self.addresses.database, genuine())

    def folding(self, name: str, version: int | None = None) -> "Projection":
        """As ``projection``, to write rows of the version with. Raises NotFound; OtherCode: another program's."""
        from projections.versions import tailing

        projection = self.projection(name, version)
        with self.snapshot() as connection:
            tailing.check_code(connection, projection)
        return projection

    def execute(self, command: Command, by: Envelope) -> Answer:
        """Run a command on the ledger."""
        return self.ledger.execute(command, by)

    def resolve(self, ref: str) -> UUID:
        """The identity that a REF names: ``ASSIGNER|LOCAL_ID``, a uuid, or ``INS|matricule``.

        Raises NotFound, where nobody or several are named so.
        """
        return resolve(self.ledger, self.snapshot, ref)

    @contextmanager
    def _database_answers(self) -> Iterator[None]:
        try:
            yield
        except Busy as busy:
            raise ServiceUnavailable(str(busy)) from None
        except psycopg2.OperationalError as away:
            raise ServiceUnavailable(unanswered(away)) from None
