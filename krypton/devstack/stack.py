"""The development stack: start, stop, status, reset, and fault injection for tests."""

import base64
import secrets
import shutil
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from krypton.addresses import Addresses, database_url, without_password
from krypton.devstack.home import StackHome
from krypton.devstack.kafka import Kafka
from krypton.devstack.postgres import Postgres, create_database, drop_database
from krypton.devstack.processes import wait_until
from krypton.devstack.state import save, with_free, write_secret
from krypton.devstack.teller import Silent, Teller
from krypton.errors import ServiceUnavailable
from krypton.home import cache_folder
from krypton.logs import bound
from krypton.ports import Ports

GIVEN_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class ServiceStatus:
    """The status of one service. ``given``: its address comes from the environment; Krypton does not start it.

    ``address`` holds no password; ``password_file`` says where that of the embedded database is.
    """

    service: str
    up: bool
    given: bool
    address: str | None
    password_file: str | None = None


class Stack:
    """The embedded servers of one state folder; a service with a given address is used, never started."""

    def __init__(
        self,
        home: Path,
        *,
        given_kafka: str | None = None,
        given_database: str | None = None,
        tell: Teller | None = None,
        secure: bool = True,
    ) -> None:
        """``secure``: a new broker requires logins (``devstack.secure``)."""
        self._home = StackHome(home.resolve())
        self._tell = tell or Silent()
        self._given = {"kafka": given_kafka, "database": given_database}
        self._kafka = Kafka(self._home, cache_folder(self._home.root), self._tell, secure)
        self._database = Postgres(self._home, self._tell)

    @property
    def root(self) -> Path:
        """The state folder, absolute."""
        return self._home.root

    @property
    def _embedded(self) -> list[Kafka | Postgres]:
        services: list[Kafka | Postgres] = [self._kafka, self._database]
        return [service for service in services if self._given[service.name] is None]

    def up(self) -> Addresses:
        """Start what is not running; returns when both services answer. Safe to repeat.

        Raises ServiceUnavailable: a folder, disk, download, port or server is not available.
        """
        self._check_given()
        if self._embedded:
            with self._home.locked(self._tell):
                self._home.prepare()
                self._home.sweep()
                bound(self._home.logs.glob("*.log"))
                if self._database in self._embedded:
                    self._make_master_key()
                self._start(*self._embedded)
        return self.addresses()

    def down(self) -> None:
        """Stop the embedded servers cleanly; safe to repeat."""
        if self._home.root.exists():
            with self._home.locked(self._tell):
                self._stop()

    def reset(self) -> None:
        """Stop the embedded servers and delete their data and keys; logs, ports and jars stay."""
        if not self._home.root.exists():
            return
        with self._home.locked(self._tell):
            self._stop()
            for service in self._embedded:
                service.erase()
            if self._database in self._embedded:
                for key in (self._home.master_key, self._home.tree_key):  # the next ledger is another log
                    key.unlink(missing_ok=True)
                for folder in (self._home.instances, self._home.tiles):
                    shutil.rmtree(folder, ignore_errors=True)

    def status(self) -> list[ServiceStatus]:
        """Check whether each service answers."""
        return [self._status(self._kafka), self._status(self._database)]

    def addresses(self) -> Addresses:
        """The addresses of the two services: given, or from the remembered ports."""
        ports = Ports.load(self._home.ports)
        return Addresses(
            kafka=self._given["kafka"] or self._kafka.address(ports),
            database=self._given["database"] or self._database.address(ports),
        )

    def new_database(self, name: str) -> str:
        """Create an empty database on the same server; returns its URL."""
        ports = Ports.load(self._home.ports)
        create_database(database_url(self._home, ports), name)
        return database_url(self._home, ports, name)

    def drop_database(self, name: str) -> None:
        """Drop a database made by ``new_database``; its open sessions end."""
        drop_database(database_url(self._home, Ports.load(self._home.ports)), name)

    def kill_kafka(self) -> None:
        """SIGKILL the broker, as a power cut would."""
        with self._home.locked(self._tell):
            self._kafka.kill()

    def start_kafka(self) -> None:
        """Start the broker again on its ports; returns when it serves."""
        with self._home.locked(self._tell):
            self._start(self._kafka)

    def stop_database_immediate(self) -> None:
        """Stop PostgreSQL as ``pg_ctl stop -m immediate`` does: recovery at the next start."""
        with self._home.locked(self._tell):
            self._database.kill()

    def start_database(self) -> None:
        """Start PostgreSQL again on its port; returns when it serves."""
        with self._home.locked(self._tell):
            self._start(self._database)

    def _start(self, *services: Kafka | Postgres) -> None:
        """Start several services in parallel: the broker's JVM loads while the database comes up."""
        for service in services:
            service.prepare()
        ports = Ports.load(self._home.ports)
        stopped = [service for service in services if self._must_start(service, ports)]
        ports = with_free(ports, tuple(name for service in stopped for name in service.port_names), self._tell)
        save(ports, self._home.ports)
        for service in stopped:
            self._tell.say(f"starting {service.name}")
        started = [service.launch(ports) if service in stopped else service.process() for service in services]
        for service, process in zip(services, started, strict=True):
            service.wait(ports, process)

    def _must_start(self, service: Kafka | Postgres, ports: Ports) -> bool:
        """Whether it is not running; one whose port is unknown is stopped and restarted on a known port."""
        if service.process() is None:
            return True
        if all(getattr(ports, name) for name in service.port_names):
            return False
        self._tell.say(f"{service.name} runs, but its port is not known any more: starting it again")
        service.stop()
        return True

    def _stop(self) -> None:
        for service in self._embedded:
            if service.process():
                self._tell.say(f"stopping {service.name}")
                service.stop()

    def _make_master_key(self) -> None:
        """Create the master key of the embedded vault with its database: a later key could not read it."""
        if not self._home.postgres.exists():
            write_secret(self._home.master_key, base64.b64encode(secrets.token_bytes(32)).decode() + "\n")

    def _check_given(self) -> None:
        """Raise ServiceUnavailable if a given service does not answer."""
        for service in (self._kafka, self._database):
            address = self._given[service.name]
            if address and not wait_until(partial(service.serving, address), GIVEN_TIMEOUT_S):
                variable = f"KRYPTON_{service.name.upper()}"
                raise ServiceUnavailable(
                    f"{service.name} at {without_password(address)} ({variable}) does not answer: start it, "
                    f"or unset {variable} and run krypton dev up"
                )

    def _status(self, service: Kafka | Postgres) -> ServiceStatus:
        if given := self._given[service.name]:
            return ServiceStatus(service.name, service.serving(given), True, without_password(given))
        address = None
        with suppress(ServiceUnavailable):  # a database that was never made has no address
            address = service.address(Ports.load(self._home.ports))
        up = address is not None and service.process() is not None and service.serving(address)
        file = str(self._home.postgres_password) if address and service is self._database else None
        return ServiceStatus(service.name, up, False, address and without_password(address), file)
