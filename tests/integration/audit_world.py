"""A real ledger with its views, on a database of one test module's own: what is asked of it is in the views at once."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg2

from adapters.eventstore import tables
from adapters.notary.folder import TileWriter
from domain.actors import Caller
from domain.aggregates.study import Study
from domain.commands.accesses import CloseEmergency, OpenAccess
from domain.commands.directory import EnrollSite, RegisterProfessional
from domain.commands.identities import Register
from domain.commands.links import Merge, Unmerge
from domain.commands.studies import ReassignStudy
from domain.ports import Answer
from domain.proofs import leaf
from domain.proofs.merkle import leaf_hashes
from domain.proofs.note import Checkpoint, Note
from domain.work import Command, Envelope
from krypton import region
from krypton.bootstrap import Krypton
from krypton.devstack.stack import Stack
from krypton.integrity.keys import made
from krypton.queries import person
from krypton.services.dicom import ingest
from krypton.settings import Settings
from projections.declared import VIEWS
from projections.engine.store import ViewStore
from projections.versions import creation
from streams.broker.topics import PARTITIONS
from tests.fakes.dicom import instance, new_uid, write
from tests.fakes.region import dose, exposure, received
from tests.fakes.roles import roles_file
from tests.fakes.topic import records
from tests.integration.live_cli import CommandLine

CLINICIAN, RADIOLOGIST = "10101201233", "10101205671"  # of CHB, of CHP
AUDITOR = Caller("auditor:dpo", "complaint 12")


def themself(identity: str) -> Caller:
    """The patient who is asked about, asking."""
    return Caller(f"patient:{identity}", "my own")


@dataclass
class AuditWorld:
    """What happens in the region, and what readers then see."""

    krypton: Krypton
    home: Path

    def ask(self, command: Command, actor: str = "system:test") -> Answer:
        """Ask the ledger."""
        return self.krypton.execute(command, Envelope(actor))

    def register(self, site: str = "CHB", family: str = "FICTIVE") -> str:
        """A new local identity."""
        stated = {"family": family, "given": "Alex", "birth_date": "1970-01-01", "sex": "F"}
        command = Register(assigner=site, local_id=f"T{uuid4().hex[:12]}", stated=stated)
        return str(self.ask(command).result["identity"])

    def receive(self, identity: str, *, dlp: float | None = None, **change: Any) -> str:
        """A study of an identity of CHB or CHP comes in, with a dose report where a dose is given; returns its id."""
        shown = self.identity(identity)
        doses = () if dlp is None else (dose(new_uid(), exposure(new_uid(), dlp_mgycm=dlp)),)
        stated = {name: shown["traits"][name] for name in ("family", "given", "birth_date")}
        command = received(
            shown["assigner"], new_uid(), local_id=shown["local_id"], stated=stated, doses=doses, **change
        )
        return str(self.ask(command).result["study"])

    def images(self, identity: str, **changes: Any) -> str:
        """A study of an identity of CHB or CHP with an instance on this machine; returns its id."""
        shown = self.identity(identity)
        name = f"{shown['traits']['family']}^{shown['traits']['given']}"
        image = instance(PatientID=shown["local_id"], PatientName=name, **({"StudyInstanceUID": new_uid()} | changes))
        ingest(self.krypton, shown["assigner"], write(self.home / new_uid(), [image]), "system:test", None)
        self.settle()
        return str(Study.create_id(self.krypton.ledger.ids, UUID(identity), image.StudyInstanceUID))

    def merge(self, one: str, other: str, reason: str = "same traits") -> Answer:
        """Hold the two one person."""
        return self.ask(Merge(one=UUID(one), other=UUID(other), reason=reason), "rpps:10101207776")

    def unmerge(self, one: str, other: str, reason: str = "twin sisters") -> Answer:
        """Take that back."""
        return self.ask(Unmerge(one=UUID(one), other=UUID(other), reason=reason))

    def reassign(self, study: str, to: str) -> Answer:
        """The study is another's."""
        return self.ask(ReassignStudy(study=UUID(study), to_identity=UUID(to), reason="wrong bracelet"))

    def open(self, identity: str, rpps: str = CLINICIAN, *, emergency: bool = False) -> str:
        """A professional asks for the record; returns the access."""
        command = OpenAccess(identity=UUID(identity), rpps=rpps, reason="follow-up", emergency=emergency)
        return str(self.ask(command, f"rpps:{rpps}").result["access"])

    def close(self, access: str, rpps: str = CLINICIAN) -> Answer:
        """The emergency is over."""
        return self.ask(CloseEmergency(access=UUID(access), rpps=rpps))

    @property
    def head(self) -> int:
        """The last position."""
        return self.krypton.ledger.recorder.max_notification_id() or 0

    def types(self, after: int) -> list[str]:
        """The types of the events stored since."""
        found = self.krypton.ledger.recorder.select_notifications(after, 1_000, inclusive_of_start=False)
        return [stored.topic for stored in found]

    def settle(self, *, but: str | None = None) -> None:
        """Apply to the live views all that the ledger holds; ``but``: a view that lags."""
        for name, store in zip(VIEWS, self._stores, strict=True):
            if name != but:
                store.apply(records(self.krypton.ledger, store.topics, PARTITIONS))

    def identity(self, identity: str, *, but: str | None = None) -> dict[str, Any]:
        """``identity show``, with all that was said so far."""
        self.settle(but=but)
        return person.identity_of(self.krypton, themself(identity), identity)

    def seen(self, identity: str) -> dict[str, Any]:
        """What a reader of the live views sees now of a person: identity, record and dose.

        Without the pairs that wait for a clerk: they are open work, and no part of the record.
        """
        self.settle()
        record = person.record_of(self.krypton, themself(identity), identity)
        assert record.pop("to_review") == []
        return {
            "identity": person.identity_of(self.krypton, themself(identity), identity),
            "record": record,
            "dose": person.dose_of(self.krypton, themself(identity), identity),
        }

    def sign(self) -> None:
        """Sign a checkpoint of all that the ledger holds, as the notary does."""
        writer, key = TileWriter(self.krypton.settings.log_folder), made(self.krypton.settings, list)
        writer.begin(None)
        stored = self.krypton.ledger.recorder.select_notifications(0, 1_000_000, inclusive_of_start=False)
        entries = [leaf.entry(e.id, e.topic, str(e.originator_id), e.originator_version, e.state) for e in stored]
        writer.append(entries, leaf_hashes(entries))
        text = Checkpoint(key.name, len(entries), writer.tree.root()).text()
        writer.flush()
        writer.publish(Note(text, (key.sign(text),)))
        writer.close()

    @contextmanager
    def cursor(self) -> Iterator[Any]:
        """Straight to the database, as an intruder would."""
        with closing(psycopg2.connect(self.krypton.addresses.database)) as connection, connection.cursor() as cursor:
            yield cursor
            connection.commit()

    @cached_property
    def cli(self) -> CommandLine:
        """The command line, on this ledger."""
        addresses = self.krypton.addresses
        return CommandLine(
            self.home,
            (
                ("KRYPTON_KAFKA", addresses.kafka),
                ("KRYPTON_DATABASE", addresses.database),
                ("KRYPTON_TEST_INSTALLATION", "1"),
                ("KRYPTON_LOG_FOLDER", str(self.krypton.settings.log_folder)),
                ("KRYPTON_LOG_KEY_FILE", str(self.krypton.settings.log_key)),
                ("KRYPTON_ROLES", str(self.krypton.settings.roles)),
            ),
        )

    @cached_property
    def _stores(self) -> list[ViewStore]:
        return [self.krypton.view(name) for name in VIEWS]

    def stop(self) -> None:
        """Give all connections back."""
        for store in self._stores:
            store.close()
        self.krypton.close()


@contextmanager
def audit_world(stack: Stack) -> Iterator[AuditWorld]:
    """Two hospitals, CHB and CHP, with a professional each, in a database of their own."""
    name = f"audit_{uuid4().hex}"
    url = stack.new_database(name)
    addresses = stack.addresses()
    folder = stack.root / name
    settings = Settings(
        stack.root,
        kafka=addresses.kafka,
        database=url,
        test_given=True,
        log_folder_given=folder / "tlog",
        log_key_given=folder / "tlog.key",
        roles_given=folder / "roles.toml",
    )
    folder.mkdir()
    roles_file(folder, AUDITOR.actor)
    ours = Krypton(settings, type(addresses)(addresses.kafka, url), kept=1)
    tables.create(url)
    ours.vault.create()
    region.make(ours.vault, url)
    for view in VIEWS.values():
        creation.create(url, view.make())
    world = AuditWorld(ours, stack.root)
    for site, rpps in (("CHB", CLINICIAN), ("CHP", RADIOLOGIST)):
        world.ask(EnrollSite(code=site, name=f"Hospital {site}"))
        world.ask(RegisterProfessional(rpps=rpps, name="Dr Essai", profession="radiologist", sites=(site,)))
    try:
        yield world
    finally:
        world.stop()
        stack.drop_database(name)
