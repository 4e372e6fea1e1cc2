"""Connects a command to the ledger, builds its envelope, and prints its answer."""

from dataclasses import replace
from uuid import UUID, uuid4

from domain.actors import Caller, Role
from domain.errors import NotFound
from domain.work import Command, Envelope
from krypton.bootstrap import Krypton
from krypton.cli.calling import Acting
from krypton.cli.output import written
from streams.broker.broker import OPERATOR


def krypton(login: str | None = OPERATOR) -> Krypton:
    """The ledger named by the environment and the current directory. ``login``: at Kafka; None: it is not asked."""
    return Krypton.connect(login=login)


def settled() -> Krypton:
    """The same, with nothing left undone of what was promoted, rolled back or dropped before."""
    from krypton.progress import stages
    from krypton.views import promote

    ours = krypton()
    with stages() as tell:
        promote.settle(ours, tell=tell)
    return ours


def envelope(actor: str, command_id: UUID | None) -> Envelope:
    """The envelope of one command."""
    return Envelope(actor, command_id or uuid4())


def asker(ours: Krypton, acting: Acting, reason: str, ref: str | None = None) -> Caller:
    """Who asks about whom, for the gate. In development a user may stand for whichever patient is asked about.

    Raises NotFound, NotOnesOwn (W3).
    """
    about = ours.resolve(ref) if ref and acting.own.endswith(":*") else None
    return acting.caller(reason, about)


def assigner_of(ours: Krypton, code: str | None) -> str | None:
    """The assigner of that code. Raises NotFound where it never gave out a number here, which would find nobody."""
    from domain.commands.directory import is_enrolled

    if code is None or code in ours.ledger.authorities.names.values() or is_enrolled(ours.ledger.work([]), code):
        return code
    raise NotFound("the assigner is no establishment here: krypton site list shows their codes")


def acting_from(caller: Caller, site: str | None) -> Caller:
    """The caller at the establishment that they name, if they do; the gate checks that it is theirs (X2)."""
    return caller if site is None else replace(caller, site=site)


def stating(ours: Krypton, who: Acting, identity: UUID) -> str:
    """The caller's id for a statement about an identity. Raises OfAnother (W4): a patient's about another person."""
    if who.role is not Role.PATIENT:
        return who.actor()
    return who.statement_about(identity, ours.ledger.membership().person_of(str(identity)))


def ask(ours: Krypton, command: Command, who: Acting, command_id: UUID | None, as_json: bool) -> None:
    """Ask the ledger, and print the positions written and the ids made. Raises OfAnother (W4)."""
    identity = getattr(command, "identity", None)
    actor = stating(ours, who, identity) if isinstance(identity, UUID) else who.actor()
    written(ours.execute(command, envelope(actor, command_id)), as_json)
