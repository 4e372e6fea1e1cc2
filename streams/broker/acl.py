"""Manages subscribers of the topics: a Kafka login each, with read rights on chosen topics only.

A subscriber gets a SCRAM-SHA-512 credential; READ and DESCRIBE on the named topics; READ on the consumer groups
``NAME`` and ``NAME.…``. Names contain no full stop, so one subscriber's groups never start with another's name. No
right allows writing, and none opens a sealed field: keys cannot be granted. Kafka stores all of it, so it needs an
authorizer: the secure profile of the development stack, or ``docker/``.
"""

import re
import secrets
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from kafka import KafkaAdminClient
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
    ScramMechanism,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)
from kafka.errors import KafkaError, KafkaTimeoutError, NoError, SecurityDisabledError

from streams.broker import broker
from streams.broker.topics import DEAD_LETTERS, PARTITIONS

NAME: Final = re.compile(r"[a-z][a-z0-9-]{1,39}")
TOPICS: Final = tuple(topic for topic in PARTITIONS if topic != DEAD_LETTERS)
"""Topics open to subscribers: the ledger's. Dead letters are for operators only."""

PASSWORD_BYTES: Final = 24
LEARNT_S: Final = 15.0
NOBODY_HELD: Final = "this broker has no authorizer, so it cannot enforce rights"
READING: Final = (ACLOperation.READ, ACLOperation.DESCRIBE)


class SubscriberWrong(Exception):
    """The subscriber's name or topics are not valid."""


class SubscriberUnknown(Exception):
    """No subscriber has that name."""


class NoAuthorizer(Exception):
    """The broker has no authorizer."""


@dataclass(frozen=True)
class Subscriber:
    """One subscriber: ``topics`` it may read, sorted. Its consumer groups are its name, and names starting with it and
    a full stop.
    """

    name: str
    topics: tuple[str, ...]


def add(kafka: str, name: str, topics: Collection[str]) -> str:
    """Create a subscriber; returns its password, which is stored nowhere.

    Raises SubscriberWrong, NoAuthorizer, KafkaError (Kafka is unavailable, or this login lacks the right).
    """
    if not NAME.fullmatch(name):
        raise SubscriberWrong("a name has 2 to 40 characters of a-z, 0-9 and -, and starts with a letter")
    if name.startswith(broker.OPERATOR):
        raise SubscriberWrong(f"names that start with {broker.OPERATOR} are Krypton's own logins: choose another")
    if unknown := sorted(set(topics) - set(TOPICS)):
        raise SubscriberWrong(f"no topic {', '.join(unknown)} is open to subscribers: choose from {', '.join(TOPICS)}")
    if not topics:
        raise SubscriberWrong("name one topic at least")
    with connected(kafka) as admin:
        _listed(admin)  # first: Kafka 4.3.1 never answers a login that may not list logins
        if name in admin.describe_user_scram_credentials():
            raise SubscriberWrong(f"{name} exists already: choose another name, or remove it first")
        _forget_rights(admin, name)  # left by an attempt that was cut short: they must not add to these
        check(admin.create_acls(_rights(name, topics))["failed"])
        password = secrets.token_urlsafe(PASSWORD_BYTES)
        alter(admin, UserScramCredentialUpsertion(name, ScramMechanism.SCRAM_SHA_512, password))
        until(lambda: Subscriber(name, tuple(sorted(set(topics)))) in _listed(admin))
    return password


def remove(kafka: str, name: str) -> None:
    """Remove the login and its rights; open connections stop receiving records.

    Raises SubscriberUnknown, NoAuthorizer, KafkaError.
    """
    with connected(kafka) as admin:
        if name not in {one.name for one in _listed(admin)}:
            raise SubscriberUnknown(f"no subscriber {name}: see krypton subscriber list")
        _forget_rights(admin, name)
        alter(admin, UserScramCredentialDeletion(name, ScramMechanism.SCRAM_SHA_512))
        until(lambda: name not in admin.describe_user_scram_credentials())


def listed(kafka: str) -> list[Subscriber]:
    """All subscribers by name. Raises NoAuthorizer, KafkaError."""
    with connected(kafka) as admin:
        return _listed(admin)


def _listed(admin: KafkaAdminClient) -> list[Subscriber]:
    """Logins with the right to read a topic that are not Krypton's own."""
    every = ACLFilter(None, None, ACLOperation.READ, ACLPermissionType.ALLOW, any_of(ResourceType.TOPIC))
    found = [one for one in described(admin, every) if not one.principal.startswith(f"User:{broker.OPERATOR}")]
    topics: dict[str, set[str]] = {}
    for acl in found:
        topics.setdefault(acl.principal.removeprefix("User:"), set()).add(acl.resource_pattern.resource_name)
    users = admin.describe_user_scram_credentials()
    return [Subscriber(name, tuple(sorted(topics[name]))) for name in sorted(topics.keys() & users.keys())]


def described(admin: KafkaAdminClient, which: ACLFilter) -> list[ACL]:
    """The rights that a filter finds. Raises NoAuthorizer, KafkaError."""
    try:
        return list(admin.describe_acls(which)[0])
    except SecurityDisabledError:
        raise NoAuthorizer(NOBODY_HELD) from None


def _rights(name: str, topics: Collection[str]) -> list[ACL]:
    topic_rights = [
        allow(name, operation, ResourcePattern(ResourceType.TOPIC, topic))
        for topic in sorted(set(topics))
        for operation in READING
    ]
    groups = (
        ResourcePattern(ResourceType.GROUP, name),
        ResourcePattern(ResourceType.GROUP, f"{name}.", ACLResourcePatternType.PREFIXED),
    )
    return topic_rights + [allow(name, ACLOperation.READ, group) for group in groups]


def allow(name: str, operation: ACLOperation, resource: ResourcePattern) -> ACL:
    """The right of a login to do this to a resource, from any host."""
    return ACL(f"User:{name}", "*", operation, ACLPermissionType.ALLOW, resource)


def any_of(resource: ResourceType = ResourceType.ANY) -> ResourcePatternFilter:
    """Every resource of a kind, named or by prefix."""
    return ResourcePatternFilter(resource, None, ACLResourcePatternType.ANY)


def _forget_rights(admin: KafkaAdminClient, name: str) -> None:
    every = ACLFilter(f"User:{name}", None, ACLOperation.ANY, ACLPermissionType.ANY, any_of())
    for _, _, error in admin.delete_acls([every]):
        check_one(error)


def alter(admin: KafkaAdminClient, alteration: object) -> None:
    """Make or delete a login. Raises KafkaError."""
    for user, complaint in admin.alter_user_scram_credentials([alteration]).items():
        if complaint:
            raise KafkaError(f"the login of {user} could not be changed: {complaint}")


def check_one(error: type[KafkaError]) -> None:
    """As ``check``, for an answer that may be no error."""
    check([] if error is NoError else [error])


def check(errors: Collection[type[KafkaError]]) -> None:
    """Raise the first error, as NoAuthorizer where the broker has none."""
    for error in errors:
        raise NoAuthorizer(NOBODY_HELD) if error is SecurityDisabledError else error


def until(holds: Callable[[], bool]) -> None:
    """Wait: the controller has the change, the broker learns of it a moment later."""
    deadline = time.monotonic() + LEARNT_S
    while not holds():
        if time.monotonic() > deadline:
            raise KafkaTimeoutError(
                f"the broker did not apply the change within {LEARNT_S:.0f} s: run krypton subscriber list, then retry"
            )
        time.sleep(0.02)


@contextmanager
def connected(kafka: str) -> Iterator[KafkaAdminClient]:
    """A client that may change logins and rights."""
    admin = KafkaAdminClient(**broker.options(kafka), client_id="krypton-logins")
    try:
        yield admin
    finally:
        admin.close()
