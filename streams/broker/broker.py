"""Kafka addresses and logins: builds the connection options of every Kafka client.

An address is ``host:port,…`` if the broker needs no login, and ``scram://USER@host:port,…?password_file=PATH`` if it
does: it names the file, never the password, so it may appear in an argument, a message or a log. Logins are
SASL/SCRAM-SHA-512 (RFC 5802 with SHA-512; Kafka's KIP-84).

A password file that is named after its user, ``USER.password``, lies in a folder of logins: each of Krypton's processes
takes its own from there (``under``).
"""

import logging
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

SCHEME: Final = "scram://"
TOO_LOUD: Final = ("kafka.net.sasl.scram", "kafka.net.selector")
"""Loggers of kafka-python. One warns at each connection that a password would go in the clear, which SCRAM never sends;
the other that a login took the processor for a tenth of a second, as it does where the processor is busy."""
OPERATOR: Final = "krypton"
"""The login of commands: Kafka's super user."""
MECHANISM: Final = "SCRAM-SHA-512"
PROTOCOL: Final = "SASL_PLAINTEXT"
ANSWERS_MS: Final = 5_000  # a running broker answers in milliseconds; a failure should be reported soon


def with_login(servers: str, user: str, password_file: Path) -> str:
    """The address of brokers that need a login. ``servers``: ``host:port``, separated by commas."""
    return f"{SCHEME}{quote(user, safe='')}@{servers}?{urlencode({'password_file': str(password_file)})}"


def login_file(folder: Path, user: str) -> Path:
    """The password file of a user in a folder of logins."""
    return folder / f"{user}.password"


def logins(kafka: str) -> Path | None:
    """The folder of logins that an address names, if it names one."""
    if not kafka.startswith(SCHEME):
        return None
    user, file = _user_and_file(kafka)
    return file.parent if file == login_file(file.parent, user) else None


def under(kafka: str, user: str) -> str:
    """The address under another login of its folder; the same address where it names no folder of logins."""
    folder = logins(kafka)
    return kafka if folder is None else with_login(_hosts(kafka), user, login_file(folder, user))


def without_login(kafka: str) -> str:
    """The address for a process that asks Kafka for nothing."""
    return _hosts(kafka)


def servers(kafka: str) -> list[str]:
    """The ``host:port`` of each bootstrap server of an address."""
    return _hosts(kafka).split(",")


def options(kafka: str) -> dict[str, Any]:
    """Options for the clients of kafka-python and aiokafka; both use the same names.

    Raises OSError if the password file cannot be read.
    """
    found: dict[str, Any] = {"bootstrap_servers": servers(kafka)}
    if login := _login(kafka):
        user, password = login
        for name in TOO_LOUD:
            logging.getLogger(name).setLevel(logging.ERROR)
        found |= {
            "security_protocol": PROTOCOL,
            "sasl_mechanism": MECHANISM,
            "sasl_plain_username": user,
            "sasl_plain_password": password,
        }
    return found


def faust_options(kafka: str) -> dict[str, Any]:
    """Options for a Faust app. Raises OSError if the password file cannot be read."""
    found: dict[str, Any] = {"broker": [f"kafka://{server}" for server in servers(kafka)]}
    if login := _login(kafka):
        import faust  # imported here: it takes a second, and only workers need it

        user, password = login
        found["broker_credentials"] = faust.SASLCredentials(username=user, password=password, mechanism=MECHANISM)
    return found


def client_properties(user: str, password: str) -> str:
    """The login of a JVM client as Java properties: secret."""
    module = "org.apache.kafka.common.security.scram.ScramLoginModule"
    return (
        f"security.protocol={PROTOCOL}\n"
        f"sasl.mechanism={MECHANISM}\n"
        f'sasl.jaas.config={module} required username="{user}" password="{password}";\n'
    )


def _hosts(kafka: str) -> str:
    return urlsplit(kafka).netloc.rpartition("@")[2] if kafka.startswith(SCHEME) else kafka


def _login(kafka: str) -> tuple[str, str] | None:
    """User and password, if the address names them."""
    if not kafka.startswith(SCHEME):
        return None
    user, file = _user_and_file(kafka)
    return user, file.read_text().strip()


def _user_and_file(kafka: str) -> tuple[str, Path]:
    parts = urlsplit(kafka)
    (file,) = parse_qs(parts.query)["password_file"]
    return unquote(parts.netloc.rpartition("@")[0]), Path(file)
