"""Finds the addresses of Kafka and PostgreSQL, given or embedded, quickly enough for every command's start."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from krypton.errors import ServiceUnavailable
from krypton.home import Home
from krypton.ports import HOST, Ports, answers
from streams.broker.broker import OPERATOR, SCHEME, servers, with_login

USER = "krypton"
DATABASE = "krypton"


@dataclass(frozen=True)
class Addresses:
    """``kafka``: as ``streams.broker.broker`` writes it. ``database``: a postgresql:// URL."""

    kafka: str
    database: str


def locate(root: Path, kafka: str | None, database: str | None) -> Addresses:
    """The given addresses, and those of the embedded stack for what is not given.

    Raises ServiceUnavailable, naming the service, when an embedded one does not run.
    """
    home = Home(root.resolve())
    ports = Ports.load(home.ports)
    kafka = locate_kafka(root, kafka)
    if database is None:
        _answering("database", ports.database, home)
        database = database_url(home, ports)
    return Addresses(kafka, database)


def locate_kafka(root: Path, kafka: str | None) -> str:
    """The given broker, or the embedded one, where nothing else is needed. Raises ServiceUnavailable."""
    if kafka is not None:
        return kafka
    home = Home(root.resolve())
    return kafka_address(home, _answering("kafka", Ports.load(home.ports).kafka, home))


def _answering(service: str, port: int | None, home: Home) -> int:
    if port is None or not answers(port):
        raise ServiceUnavailable(
            f"{service} does not run (embedded, state in {home.root}): run krypton dev up, or set "
            f"KRYPTON_{service.upper()} to one that does"
        )
    return port


def kafka_address(home: Home, port: int) -> str:
    """The address of the embedded broker, with the operator's login where it asks for one."""
    plain = f"{HOST}:{port}"
    return with_login(plain, OPERATOR, home.kafka_password) if home.kafka_password.exists() else plain


def database_url(home: Home, ports: Ports, database: str = DATABASE) -> str:
    """The URL of a database of the embedded server. Raises ServiceUnavailable without its password."""
    try:
        password = home.postgres_password.read_text().strip()
    except OSError as failure:
        raise ServiceUnavailable(
            f"the password of the embedded database cannot be read from {home.postgres_password}: "
            "run krypton dev up, as the user who owns it"
        ) from failure
    return f"postgresql://{USER}:{password}@{HOST}:{ports.database}/{database}"


def without_password(address: str) -> str:
    """An address fit for a screen or a log."""
    if address.startswith(SCHEME):
        return ",".join(servers(address))
    parts = urlsplit(address)
    if "@" not in parts.netloc:
        return address
    user, host = parts.netloc.rsplit("@", 1)
    return urlunsplit(parts._replace(netloc=f"{user.split(':', 1)[0]}@{host}"))
