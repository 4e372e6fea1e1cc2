"""Decides who asks on the command line: ``--as`` chooses a role of the system user, ``--reason`` says why.

Both are checked as options are, before the command does anything: the role against ``domain.tasks``, by the command's
own name. A command that takes ``As`` cannot run without the check.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, cast
from uuid import UUID

import typer

from domain.actors import ROLES, Caller, Role, actor, role_of
from domain.errors import NotForRole, NotOnesOwn, OfAnother, ReasonMissing
from domain.tasks import GATED, check, may, who_may
from krypton.cli.given import line, on_terminal

FREE: Final = frozenset(
    {
        # The development stack holds no one's data of its own
        *("dev.up", "dev.down", "dev.status", "dev.tool", "dev.samples", "dev.sign-in", "dev.reset"),
        # Krypton's own programs: whoever may start them holds the ledger's keys; they write under their own names
        *(
            "init",
            "run",
            "relay",
            "worker",
            "wait",
            "dicom.serve",
            "archive.run",
            "serve.registry",
            "serve.notary",
            "serve.hl7",
            "serve.web",
            "serve.health",
            "policies.run",
        ),
        # Installs a program
        "viewer.fetch",
        # Proofs, from files alone
        *("audit.prove", "audit.check-proof", "audit.cosign"),
    }
)
"""Tasks that need no role: they neither read nor state anything of a person."""


@dataclass(frozen=True)
class Acting:
    """As whom a command acts. ``own``: an id of the user's; ``patient:*`` stands for the patient asked about.

    ``site``: code of the establishment that the user acts from, where the roles file says it.
    """

    own: str
    site: str | None = None

    @property
    def role(self) -> Role:
        """The role that the id tells."""
        return role_of(self.own)

    @property
    def rpps(self) -> str | None:
        """The RPPS number of a professional; None for anybody else."""
        return self.own.partition(":")[2] if self.role is Role.PROFESSIONAL else None

    def actor(self, about: UUID | None = None) -> str:
        """The caller's id; ``about``: the identity that is asked about. Raises NotOnesOwn (W3): it is not known yet."""
        if not self.own.endswith(":*"):
            return self.own
        if about is None:
            raise NotOnesOwn("as which patient is not said: choose with --as patient:<uuid of an identity>")
        return f"patient:{about}"

    def number(self, stated: str | None) -> str:
        """The RPPS number that an order or a reading is under: a professional's own, else the one ``stated``.

        Raises OfAnother (W4): it is another professional's, or nobody's.
        """
        given = stated and stated.removeprefix("rpps:")
        if self.rpps is not None and given not in (None, self.rpps):
            raise OfAnother("a professional acts under their own number: leave --by out, or choose another --as")
        if (number := self.rpps or given) is None:
            raise OfAnother("who orders or reads is not said: give --by rpps:<number>")
        return number

    def statement_about(self, identity: UUID, person: Collection[str]) -> str:
        """The caller's id for a statement about an identity; ``person``: ids of all who are one person with it.

        Raises OfAnother (W4): a patient speaks of another person.
        """
        actor = self.actor(identity)
        if self.role is Role.PATIENT and actor.partition(":")[2] not in {*person, str(identity)}:
            raise OfAnother("a patient consents and opposes for themselves alone: ask a clerk, or choose with --as")
        return actor

    def caller(self, reason: str | None = None, about: UUID | None = None) -> Caller:
        """Who asks, and why, for the gate. Raises as ``actor``."""
        return Caller(self.actor(about), reason, self.site)


def chosen(task: str, roles: Sequence[str], asked: str | None) -> str:
    """The id that the task is done under, of the user's ``roles``: the one asked for, or the first that may do it.

    What the gate decides it also refuses, in the caller's name and on record: there any role of theirs is taken.

    ``asked``: an id, or a role's name for the first of that role. Raises NotForRole (W2), NotOnesOwn (W3), BadActor
    (W1).
    """
    if asked is None:
        own = [one for one in roles if may(role_of(one), task)]
    elif asked in ROLES or asked in [*Role]:
        own = [one for one in roles if role_of(one) == ROLES.get(asked, asked)]
        if not own:
            raise NotOnesOwn(f"you have no role {asked}: {_yours(roles)}")
    else:
        own = [asked] if actor(asked) in roles or f"{asked.partition(':')[0]}:*" in roles else []
        if not own:
            raise NotOnesOwn(f"that id is not yours: {_yours(roles)}")
    if not own and task in GATED:
        own = list(roles)
    if own and asked is not None and task not in GATED:
        _may(role_of(own[0]), task, roles)
    if not own:
        raise NotForRole(f"{_named(task)} is for {who_may(task)}, and {_yours(roles)}")
    known = [one for one in own if one != "rpps:*"]
    if not known:
        raise NotOnesOwn("as which professional is not said: choose with --as rpps:<number>")
    return known[0]


def _may(role: Role, task: str, roles: Sequence[str]) -> None:
    """Raises NotForRole (W2), and says which of the user's roles may."""
    try:
        check(role, task)
    except NotForRole as refused:
        others = [one for one in roles if may(role_of(one), task)]
        better = f"choose with --as {' or '.join(others)}" if others else _yours(roles)
        raise NotForRole(f"{refused}; {better}") from None


def _named(task: str) -> str:
    return task.replace(".", " ")


def _yours(roles: Sequence[str]) -> str:
    return f"yours are {', '.join(roles)} (--as chooses)" if roles else "you have no role in the roles file"


def task_of(context: typer.Context) -> str:
    """The task that a command does: its names on the command line, joined by dots."""
    names, at = [], context
    while at.parent is not None:
        names.append(str(at.info_name))
        at = cast(typer.Context, at.parent)
    return ".".join(reversed(names))


def _as_whom(context: typer.Context, asked: str | None) -> Acting:
    """``--as``, checked. Raises as ``chosen``, and SettingsWrong for a roles file that is missing or not believed."""
    import os
    from pathlib import Path

    from krypton.cli.roles import own_roles
    from krypton.settings import Settings

    found = own_roles(Settings.read(os.environ, Path.cwd()))
    return Acting(chosen(task_of(context), found.roles, asked), found.site)


def _why(said: str | None) -> str:
    """``--reason``, or what a terminal answers. Raises ReasonMissing (X3): nothing is made up."""
    reason = (line(said) or "").strip()
    if not reason and on_terminal():
        reason = str(typer.prompt("Why is it asked (recorded with the question)", err=True)).strip()
    if not reason:
        raise ReasonMissing("it is recorded why somebody's data are read: say it with --reason, or KRYPTON_REASON")
    return reason


As = Annotated[
    Acting,
    typer.Option(
        "--as",
        envvar="KRYPTON_AS",
        metavar="ROLE-OR-ID",
        parser=str,
        callback=_as_whom,
        help="Which of your roles to act in: clerk, patient, rpps:<number>, …",
    ),
]
"""As whom the command acts: of a command's parameters the one that has the caller's role checked."""

Why = Annotated[
    str,
    typer.Option(
        "--reason",
        envvar="KRYPTON_REASON",
        callback=_why,
        help="Why it is asked; recorded with the question, and kept sealed. A terminal asks for it.",
    ),
]
"""Why personal data are read."""

OWN: Final = cast(Acting, None)
"""The default of ``As``: the first of the user's roles that may do the task."""
ASKED: Final = cast(str, None)
"""The default of ``Why``: a terminal is asked."""
