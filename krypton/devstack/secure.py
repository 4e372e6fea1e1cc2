"""The secure profile of the embedded broker: SASL/SCRAM-SHA-512 logins, and ACLs that deny by default.

The operator's login is a super user, whose password is in the state folder; with it ``krypton init`` makes a login for
each of Krypton's processes (``krypton.services.logins``). The profile belongs to the folder: it is chosen when Kafka's
log folder is created, and recognised by that password file. The controller knows no SCRAM before it has read its log,
so the broker logs in to it with PLAIN, on loopback only.
"""

import secrets
from pathlib import Path

from krypton.devstack.home import StackHome
from krypton.devstack.state import write_secret
from streams.broker.broker import MECHANISM
from streams.broker.broker import OPERATOR as USER

CONTROLLER_USER = "_controller"  # not a valid subscriber name
PASSWORD_BYTES = 24
PLAIN_MODULE = "org.apache.kafka.common.security.plain.PlainLoginModule"
SCRAM_MODULE = "org.apache.kafka.common.security.scram.ScramLoginModule"


def make_passwords(home: StackHome) -> None:
    """Create the two passwords if they do not exist."""
    home.kafka_logins.mkdir(mode=0o700, exist_ok=True)
    for file in (home.kafka_password, home.kafka_controller_password):
        write_secret(file, secrets.token_urlsafe(PASSWORD_BYTES) + "\n")


def settings(home: StackHome) -> dict[str, str]:
    """The broker properties that differ from the plain profile; they contain passwords."""
    password, controller = (f.read_text().strip() for f in (home.kafka_password, home.kafka_controller_password))
    return {
        "listener.security.protocol.map": "CLIENTS:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT",
        "sasl.enabled.mechanisms": MECHANISM,
        "sasl.mechanism.inter.broker.protocol": MECHANISM,
        "listener.name.clients.scram-sha-512.sasl.jaas.config": (
            f'{SCRAM_MODULE} required username="{USER}" password="{password}";'
        ),
        "listener.name.controller.sasl.enabled.mechanisms": "PLAIN",
        "sasl.mechanism.controller.protocol": "PLAIN",
        "listener.name.controller.plain.sasl.jaas.config": (
            f'{PLAIN_MODULE} required username="{CONTROLLER_USER}" password="{controller}" '
            f'user_{CONTROLLER_USER}="{controller}";'
        ),
        **rights(),
    }


def rights() -> dict[str, str]:
    """The authorizer's properties: super users may do everything, others what an ACL allows."""
    return {
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": f"User:{USER};User:{CONTROLLER_USER}",
        "allow.everyone.if.no.acl.found": "false",
    }


def format_arguments(home: StackHome, folder: Path) -> list[str]:
    """Arguments that give the format command the super user's login through a file: command lines are public."""
    told = folder / "logins"
    write_secret(told, f"--add-scram\n{MECHANISM}=[name={USER},password={home.kafka_password.read_text().strip()}]\n")
    return [f"@{told}"]
