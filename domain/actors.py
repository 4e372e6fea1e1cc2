"""Who asks: pseudonymous actor ids, roles, and the ``Caller`` that every read and command carries.

Every event of a command says it in clear, on every topic and for ever.

W1  An actor is a pseudonymous id with its scheme, never a name: ``rpps:`` and a number, ``patient:`` and the uuid of an
    identity, ``aet:`` and an AE title; ``clerk:``, ``operator:``, ``auditor:``, ``service:`` or ``system:`` and a code
    of up to 64 letters, digits and ``. _ -``.
W2  A task is done by a caller whose role may do it (``domain.tasks``).
W3  A caller asks under an id of their own: a face authenticates who that is, and nobody states another's.
W4  A patient states something of their own person alone, and a professional orders and reads under their own number.
W5  A command id is its first user's, for that kind of command. Whoever else repeats it is refused and told nothing: ids
    stand in clear on topics. An id that is a digest of what is asked is everybody's who asks the same.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from domain.errors import BadActor

_ACTOR = re.compile(
    r"rpps:[0-9]{1,11}"
    r"|patient:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    r"|aet:[!-\[\]-~](?:[ -\[\]-~]{0,14}[!-\[\]-~])?"  # as an establishment registers it (E4)
    r"|(?:clerk|operator|auditor|service|system):[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
)


class Role(StrEnum):
    """As what a caller asks. ``SERVICE``: a program, be it ours (``system:``), a modality (``aet:``) or another."""

    PROFESSIONAL = "professional"
    PATIENT = "patient"
    CLERK = "clerk"
    OPERATOR = "operator"
    AUDITOR = "auditor"
    SERVICE = "service"


ROLES: Final = {
    "rpps": Role.PROFESSIONAL,
    "patient": Role.PATIENT,
    "clerk": Role.CLERK,
    "operator": Role.OPERATOR,
    "auditor": Role.AUDITOR,
    "service": Role.SERVICE,
    "system": Role.SERVICE,
    "aet": Role.SERVICE,
}
"""The role that goes with an actor's scheme."""
OF_PROGRAMS: Final = frozenset({"system", "aet"})
"""Schemes of Krypton's programs and of modalities: they act by themselves; nobody signs in as one."""


def role_of(actor: str) -> Role:
    """The role that an actor's scheme tells."""
    return ROLES[actor.partition(":")[0]]


def actor(stated: str) -> str:
    """The actor as stated. Raises BadActor (W1), which repeats nothing of it: it may be a name."""
    if not _ACTOR.fullmatch(stated):
        raise BadActor(
            "who asks is no id with its scheme: write rpps: and the number, patient: and an identity's uuid, aet: and "
            "an AE title, or clerk:, operator:, auditor:, service: or system: and a code without spaces"
        )
    return stated


@dataclass(frozen=True)
class Caller:
    """Who asks for personal data, and why. A face authenticates the caller; the gate decides.

    ``actor``: a pseudonymous id with its scheme, which tells the role. ``reason``: why, in words; None: not said.
    ``site``: code of the establishment that a professional or a clerk acts from; None: not said.
    ``situation``: codes of profession, speciality and sector in which they act, name=value; None: not told. Raises
    BadActor (W1).
    """

    actor: str
    reason: str | None = None
    site: str | None = None
    situation: str | None = None

    def __post_init__(self) -> None:
        actor(self.actor)

    @property
    def role(self) -> Role:
        """The role that the actor's scheme tells."""
        return role_of(self.actor)

    @property
    def rpps(self) -> str | None:
        """The RPPS number of a professional; None for any other caller."""
        scheme, _, number = self.actor.partition(":")
        return number if scheme == "rpps" else None
