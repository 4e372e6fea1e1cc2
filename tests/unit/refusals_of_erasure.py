"""How a user provokes each refusal about erasures that no scenario quotes."""

from uuid import UUID

from domain import errors
from domain.aggregates.erasure import Erasure
from domain.commands.erasures import (
    ApproveErasure,
    CancelErasure,
    CarryOutErasure,
    HoldErasure,
    NoteFollowed,
    ReleaseHold,
    RequestErasure,
)
from domain.work import Command, Envelope
from tests.fakes.policies import MemoryEngine
from tests.unit.refusals import Directly, Provoked, World

ONE, OTHER = "operator:one", "operator:other"


def by(world: World, actor: str, *commands: Command) -> Directly:
    """Asks all of them, the last one to be refused."""
    *before, last = commands
    for command in before:
        world.execute(command, Envelope(actor))
    return Directly(lambda: world.execute(last, Envelope(actor)))


def request(world: World, ground: str = "error", reference: str = "file 12", died: str | None = None) -> RequestErasure:
    """Marie's erasure."""
    return RequestErasure(identity=world.marie, ground=ground, reference=reference, died=died)


def approved(world: World) -> World:
    """The same world, in which it was requested and approved."""
    world.execute(request(world), Envelope(ONE))
    world.execute(ApproveErasure(identity=world.marie), Envelope(OTHER))
    return world


def erased(world: World) -> World:
    """The same world, after the delay."""
    approved(world).emergency(minutes_ago=60 * 24 * 8)
    MemoryEngine(world).run()
    return world


def stopped(world: World) -> World:
    """The same world, after the delay, in which a study came in."""
    approved(world).study()
    world.emergency(minutes_ago=60 * 24 * 8)
    MemoryEngine(world).run()
    return world


def carry_out(world: World, request_id: UUID | None = None) -> CarryOutErasure:
    """What the policy asks."""
    held = world.find(Erasure, Erasure.create_id(world.ids, world.marie))
    assert held is not None
    assert held.request is not None
    return CarryOutErasure(identity=world.marie, request=request_id or held.request.id)


def held(world: World, by: str = ONE) -> World:
    """The same world, with a legal hold."""
    world.execute(HoldErasure(identity=world.marie, reference="TJ 26/00123"), Envelope(by))
    return world


PROVOKED = [
    Provoked(errors.UnfitGround, "1 to 200 characters", lambda w: by(w, ONE, request(w, reference=" "))),
    Provoked(
        errors.UnfitGround, "say it without", lambda w: by(w, ONE, request(w, reference="file of Mme Markedfamily"))
    ),
    Provoked(
        errors.UnfitGround,
        "say it without",
        lambda w: by(w, ONE, HoldErasure(identity=w.marie, reference="born 1913-02-28")),
    ),
    Provoked(
        errors.BadTraits, "write it YYYY-MM-DD", lambda w: by(w, ONE, request(w, "end_of_retention", died="20200201"))
    ),
    Provoked(
        errors.BadTraits,
        "before the last exam",
        lambda w: by(w, ONE, request(w, "end_of_retention", died="1990-01-01")),
    ),
    Provoked(errors.StillRetained, "is kept until", lambda w: by(w, ONE, request(w, "end_of_retention"))),
    Provoked(errors.SecondPersonMissing, "let two people do it", lambda w: by(w, "system:night", request(w))),
    Provoked(errors.ErasureTooEarly, "ask then", lambda w: by(approved(w), ONE, carry_out(w))),
    Provoked(errors.ErasureStopped, "again where it still is right", lambda w: by(stopped(w), ONE, carry_out(w))),
    Provoked(errors.LegalHold, "release it first", lambda w: by(held(approved(w)), ONE, carry_out(w))),
    Provoked(errors.ErasureUnchanged, "approve it, or cancel it", lambda w: by(w, ONE, request(w), request(w))),
    Provoked(
        errors.ErasureUnchanged,
        "look at it, then approve",
        lambda w: by(w, ONE, request(w), ApproveErasure(identity=w.marie, request=UUID(int=1))),
    ),
    Provoked(
        errors.ErasureUnchanged,
        "is approved already",
        lambda w: by(approved(w), OTHER, ApproveErasure(identity=w.marie)),
    ),
    Provoked(
        errors.ErasureUnchanged,
        "request it first",
        lambda w: by(held(w), ONE, CancelErasure(identity=w.marie, reason="marked words")),
    ),
    Provoked(
        errors.ErasureUnchanged, "request it first", lambda w: by(w, ONE, NoteFollowed(identity=w.marie, part="key"))
    ),
    Provoked(
        errors.ErasureUnchanged,
        "under that reference already",
        lambda w: by(held(w), ONE, HoldErasure(identity=w.marie, reference="TJ 26/00123")),
    ),
    Provoked(
        errors.ErasureUnchanged,
        "krypton erase status shows what holds it",
        lambda w: by(held(w), ONE, ReleaseHold(identity=w.marie, reference="TJ 26/00124")),
    ),
    Provoked(
        errors.HoldOfAnother,
        "else release it",
        lambda w: by(held(w, OTHER), ONE, request(w), ReleaseHold(identity=w.marie, reference="TJ 26/00123")),
    ),
    Provoked(
        errors.ErasureUnchanged,
        "approve it first",
        lambda w: by(w, ONE, request(w), carry_out_of(w)),
    ),
    Provoked(
        errors.ErasureUnchanged,
        "nothing follows",
        lambda w: by(approved(w), ONE, NoteFollowed(identity=w.marie, part="key")),
    ),
    Provoked(
        errors.ErasureUnchanged,
        "krypton erase status shows what is left",
        lambda w: by(erased(w), ONE, CancelErasure(identity=w.marie, reason="marked words")),
    ),
]


def carry_out_of(world: World) -> CarryOutErasure:
    """A request that nobody approved."""
    return CarryOutErasure(identity=world.marie, request=UUID(int=1))
