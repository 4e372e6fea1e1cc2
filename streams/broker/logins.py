"""Gives each of Krypton's processes a Kafka login of its own, with the rights that its work needs and no other.

What a process may do is said by ``Rights``; who is there, by ``krypton.services.logins``. Only the operator's login may
run this. Rights that a login no longer needs are taken away. A password is never changed here: a login is made where
Kafka has none, or where its password was made just now.
"""

from collections.abc import Collection, Iterator, Mapping
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
    ResourceType,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from streams.broker import acl

PREFIXED: Final = ACLResourcePatternType.PREFIXED


@dataclass(frozen=True)
class Rights:
    """What one login may do. ``groups``: how its consumer groups begin; ``transactions``: its transactional id.

    ``sees``: topics of which it may know that they are there.
    """

    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    sees: tuple[str, ...] = ()
    groups: str = ""
    transactions: str = ""


def make(kafka: str, wanted: Mapping[str, Rights], passwords: Mapping[str, str], new: Collection[str]) -> list[str]:
    """Give each login its rights and, where Kafka has none, its password; returns the names of those made.

    ``new``: logins whose password was made just now. Safe to repeat, and twice at once.
    Raises NoAuthorizer, KafkaError.
    """
    with acl.connected(kafka) as admin:
        _set_rights(admin, wanted)
        there = admin.describe_user_scram_credentials()
        made = [name for name in wanted if name not in there or name in new]
        for name in made:
            acl.alter(admin, UserScramCredentialUpsertion(name, ScramMechanism.SCRAM_SHA_512, passwords[name]))
        if made:
            acl.until(lambda: admin.describe_user_scram_credentials().keys() >= wanted.keys())
    return made


def _set_rights(admin: KafkaAdminClient, wanted: Mapping[str, Rights]) -> None:
    asked = {_told(right): right for name, rights in wanted.items() for right in _rights(name, rights)}
    held = _held(admin, wanted)
    if held.keys() == asked.keys():
        return
    acl.check(admin.create_acls([right for told, right in asked.items() if told not in held])["failed"])
    for told, right in held.items():
        if told not in asked:
            _take(admin, right)
    acl.until(lambda: _held(admin, wanted).keys() == asked.keys())


def _rights(name: str, rights: Rights) -> Iterator[ACL]:
    for topic in rights.reads:
        yield acl.allow(name, ACLOperation.READ, ResourcePattern(ResourceType.TOPIC, topic))
    for topic in rights.sees:
        yield acl.allow(name, ACLOperation.DESCRIBE, ResourcePattern(ResourceType.TOPIC, topic))
    for topic in rights.writes:
        yield acl.allow(name, ACLOperation.WRITE, ResourcePattern(ResourceType.TOPIC, topic))
    if rights.groups:
        yield acl.allow(name, ACLOperation.READ, ResourcePattern(ResourceType.GROUP, rights.groups, PREFIXED))
    if rights.transactions:
        resource = ResourcePattern(ResourceType.TRANSACTIONAL_ID, rights.transactions)
        yield acl.allow(name, ACLOperation.WRITE, resource)


def _held(admin: KafkaAdminClient, wanted: Collection[str]) -> dict[str, ACL]:
    """The rights that Kafka holds for these logins."""
    found = acl.described(admin, ACLFilter(None, None, ACLOperation.ANY, ACLPermissionType.ANY, acl.any_of()))
    return {_told(one): one for one in found if one.principal.removeprefix("User:") in wanted}


def _take(admin: KafkaAdminClient, right: ACL) -> None:
    exact = ACLFilter(right.principal, right.host, right.operation, right.permission_type, right.resource_pattern)
    for _, _, error in admin.delete_acls([exact]):
        acl.check_one(error)


def _told(right: ACL) -> str:
    """A right as text: the library's ACLs compare, and their hashes are no part of its interface."""
    what = right.resource_pattern
    parts = (right.principal, right.host, right.operation.name, right.permission_type.name)
    return " ".join((*parts, what.resource_type.name, what.pattern_type.name, what.resource_name))
