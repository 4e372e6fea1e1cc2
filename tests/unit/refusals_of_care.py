"""How a user provokes each refusal about consents, accesses, orders and readings."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from domain import errors
from domain.actors import Caller
from domain.commands.accesses import CloseEmergency, LapseEmergency, OpenAccess, ReviewEmergency
from domain.commands.consents import ExpireCode, ExpireConsent, Grant, IssueCode, LiftOpposition, Oppose, Revoke
from domain.commands.directory import Suspend
from domain.commands.listings import ListPeople
from domain.commands.orders import CancelOrder, ExpireOrder, PerformOrder, PresentOrder, ResultOrder, ScheduleOrder
from domain.commands.readings import AcceptReading, DeclineReading, ReportReading, RequestReading
from domain.consent_statements import Scope
from domain.work import Command
from tests.fakes.region import CLINICIAN, RADIOLOGIST
from tests.unit.refusals import PERSON, WORDS, Provoked, World

NOON = datetime(2026, 2, 1, 12, tzinfo=UTC)


def perform(order: UUID) -> Command:
    """The exam was made."""
    return PerformOrder(order=order, study_uid="1.2.3")


def schedule(order: UUID, site: str = "CHB", accession: str = "A1") -> Command:
    """An appointment."""
    return ScheduleOrder(order=order, site=site, at=NOON, accession=accession)


def cancel(order: UUID) -> Command:
    """Not wanted any more."""
    return CancelOrder(order=order, reason=WORDS)


def accept(reading: UUID, by: str = RADIOLOGIST) -> Command:
    """A radiologist takes it."""
    return AcceptReading(reading=reading, by=by)


def report(reading: UUID, by: str = RADIOLOGIST) -> Command:
    """It was read."""
    return ReportReading(reading=reading, by=by, report_uid="1.2.3", conclusion=WORDS)


def decline(reading: UUID, reason: str = WORDS) -> Command:
    """It is not read there."""
    return DeclineReading(reading=reading, reason=reason)


def review(access: UUID, by: str = "auditor:one", note: str = WORDS) -> Command:
    """Somebody looked at an emergency that was left open."""
    return ReviewEmergency(access=access, by=by, note=note)


def year_later(world: World) -> Callable[[UUID], Command]:
    """The order runs out: a year goes by first."""

    def expire(order: UUID) -> Command:
        world.clock.now += timedelta(days=366)  # type: ignore[attr-defined]  # the clock is a FixedClock
        return ExpireOrder(order=order)

    return expire


def reading_again(world: World) -> Command:
    """CHP is asked a second time before it answered."""
    asked = RequestReading(study=world.study(), from_site="CHB", to_site="CHP", question=WORDS)
    return world.after(asked, ask=asked)


def consented(world: World, statement: UUID | None = None) -> dict[str, UUID]:
    """A consent that holds until next month, or another's id instead of its own."""
    world.ask(Grant(identity=world.marie, party="site:CHB", expires_at=datetime(2026, 2, 5, tzinfo=UTC)))
    return {"identity": world.marie, "statement": statement or UUID(world.history()[-1].data["statement_id"])}


def coded(world: World) -> dict[str, UUID]:
    """A code that holds still."""
    answer = world.ask(IssueCode(identity=world.marie, code="ABCD-EFGH-1234"))
    return {"identity": world.marie, "code_id": UUID(answer.result["code_id"])}


def listing(world: World, reason: str) -> Command:
    """A clerk asks for a list with Marie on it."""
    return ListPeople(caller=Caller("clerk:chb", reason), task="identity.review.list", shown=(world.marie,))


def elsewhere(limit: str) -> Command:
    """A list of somewhere that is no establishment."""
    return ListPeople(caller=Caller("auditor:a1", "yearly check"), task="access.review.list", asked=(limit,))


PROVOKED = [
    # Viewing
    Provoked(errors.UnfitReason, "say it without", lambda w: listing(w, f"for {PERSON['family']}")),
    Provoked(errors.UnfitReason, "say it in short", lambda w: listing(w, WORDS * 50)),
    Provoked(errors.UnknownSite, "see krypton site list", lambda _: elsewhere("site=MARKEDFAMILY")),
    # Consent
    Provoked(errors.UnknownParty, "write rpps:<registered", lambda w: Grant(identity=w.marie, party="MARKEDGIVEN")),
    Provoked(
        errors.StatementUnchanged,
        "consents to site:CHB already: revoke that first",
        lambda w: w.after(Grant(identity=w.marie, party="site:CHB"), ask=Grant(identity=w.marie, party="site:CHB")),
    ),
    Provoked(errors.StatementUnchanged, "nothing to revoke", lambda w: Revoke(identity=w.marie, party="site:CHB")),
    Provoked(
        errors.StatementUnchanged,
        "opposes consult by everyone already",
        lambda w: w.after(Oppose(identity=w.marie), ask=Oppose(identity=w.marie, reason=WORDS)),
    ),
    Provoked(errors.StatementUnchanged, "nothing to lift", lambda w: LiftOpposition(identity=w.marie)),
    Provoked(
        errors.StillOpposed,
        "lift that first",
        lambda w: w.after(Oppose(identity=w.marie, party="site:CHB"), ask=Grant(identity=w.marie, party="site:CHB")),
    ),
    Provoked(
        errors.NoLegitimateReason, "give one (CSP R1111-47)", lambda w: Oppose(identity=w.marie, scope=Scope.FEED)
    ),
    Provoked(
        errors.BadLimit,
        "give an end in the future",
        lambda w: Grant(identity=w.marie, party="site:CHB", expires_at=datetime(2020, 1, 1, tzinfo=UTC)),
    ),
    Provoked(
        errors.BadLimit,
        "1 exclusions are not of the form",
        lambda w: Grant(identity=w.marie, party="site:CHB", exclusions=["MARKEDFAMILY"]),
    ),
    Provoked(
        errors.BadLimit,
        "up to a week",
        lambda w: IssueCode(identity=w.marie, code="7GQ4ZKP2XA", lives=timedelta(days=8)),
    ),
    Provoked(errors.BadCode, "make a longer one", lambda w: IssueCode(identity=w.marie, code="7GQ4ZKP")),
    # Access
    Provoked(
        errors.UnknownProfessional,
        "krypton professional register",
        lambda w: OpenAccess(identity=w.marie, rpps="10101200003", reason=WORDS),
    ),
    Provoked(
        errors.NotAffiliated,
        "see their sites",
        lambda w: OpenAccess(identity=w.marie, rpps=RADIOLOGIST, site="CHA", reason=WORDS),
    ),
    Provoked(
        errors.ReasonMissing,
        "say why the record is needed",
        lambda w: OpenAccess(identity=w.marie, rpps=CLINICIAN, reason=" "),
    ),
    Provoked(
        errors.NoOpenEmergency,
        "is no emergency access",
        lambda w: CloseEmergency(
            access=UUID(w.ask(OpenAccess(identity=w.marie, rpps=CLINICIAN, reason=WORDS)).result["access"]),
            rpps=CLINICIAN,
            note=WORDS,
        ),
    ),
    Provoked(
        errors.NoOpenEmergency,
        "is over already",
        lambda w: CloseEmergency(access=w.emergency(minutes_ago=300), rpps=CLINICIAN),
    ),
    Provoked(
        errors.NoOpenEmergency,
        "by another professional: they close it",
        lambda w: CloseEmergency(access=w.emergency(), rpps=RADIOLOGIST),
    ),
    Provoked(
        errors.NoOpenEmergency,
        "is no emergency access that is open",
        lambda w: w.after(LapseEmergency(access=(one := w.emergency(minutes_ago=300))), ask=LapseEmergency(access=one)),
    ),
    Provoked(errors.EmergencyGoesOn, "its professional closes it", lambda w: LapseEmergency(access=w.emergency())),
    Provoked(errors.NothingToReview, "waits for no review", lambda w: review(w.emergency())),
    Provoked(
        errors.NothingToReview,
        "another reviews it",
        lambda w: w.after(
            LapseEmergency(access=(one := w.emergency(minutes_ago=300))), ask=review(one, f"rpps:{CLINICIAN}")
        ),
    ),
    Provoked(errors.ReasonMissing, "say what was found", lambda w: review(w.emergency(), note=" ")),
    # What runs out
    Provoked(errors.NotRunOut, "was taken back, or ran out", lambda w: ExpireConsent(**consented(w, UUID(int=1)))),
    Provoked(errors.NotRunOut, "holds still", lambda w: ExpireConsent(**consented(w))),
    Provoked(
        errors.NotRunOut,
        "was used, or ran out",
        lambda w: ExpireCode(identity=consented(w)["identity"], code_id=UUID(int=1)),
    ),
    Provoked(errors.NotRunOut, "holds still", lambda w: ExpireCode(**coded(w))),
    Provoked(errors.OrderStillWanted, "may still be made", lambda w: ExpireOrder(order=w.order())),
    Provoked(errors.OrderOver, "ran out before an exam was made", lambda w: cancel(w.order(year_later(w)))),
    # Order
    Provoked(
        errors.BadOrder, "write it as 2026-01-31T14:30:00Z", lambda w: w.order_of(wanted_by=NOON.replace(tzinfo=None))
    ),
    Provoked(errors.BadOrder, "names the modality wanted", lambda w: w.order_of(modality=" ")),
    Provoked(errors.BadOrder, "write it as ZBQH001", lambda w: w.order_of(act=WORDS)),
    Provoked(errors.BadOrder, "give the site's own", lambda w: w.order_of(placer_number=WORDS)),
    Provoked(errors.BadOrder, "urgency is one of ROUTINE", lambda w: w.order_of(urgency="SOON")),
    Provoked(errors.BadOrder, "of a pregnancy is one of yes", lambda w: w.order_of(pregnancy="maybe")),
    Provoked(errors.BadOrder, "has an accession number", lambda w: schedule(w.order(), accession=" ")),
    Provoked(
        errors.OrdererSuspended,
        "is suspended and orders no exam",
        lambda w: w.after(Suspend(rpps=CLINICIAN, reason=WORDS), ask=w.order_of()),
    ),
    Provoked(
        errors.OrderKnown,
        "give the new order its own",
        lambda w: w.after(w.order_of(placer_number="7"), ask=w.order_of(placer_number="7")),
    ),
    Provoked(errors.OrderElsewhere, "present it there, then schedule it", lambda w: schedule(w.order(), site="CHP")),
    Provoked(errors.OrderUnchanged, "is known to CHB already", lambda w: PresentOrder(order=w.order(), site="CHB")),
    Provoked(errors.OrderUnchanged, "has that appointment already", lambda w: schedule(w.order(schedule))),
    Provoked(errors.OrderUnchanged, "has study 1.2.3 already", lambda w: perform(w.order(perform))),
    Provoked(
        errors.OrderUnchanged,
        "has report 1.2.4 already",
        lambda w: ResultOrder(
            order=w.order(perform, lambda order: ResultOrder(order=order, report_uid="1.2.4")), report_uid="1.2.4"
        ),
    ),
    Provoked(errors.OrderCancelled, "place a new one", lambda w: cancel(w.order(cancel))),
    Provoked(errors.OrderPerformed, "place a new order for another", lambda w: cancel(w.order(perform))),
    Provoked(
        errors.OrderNotPerformed,
        "state which study was made",
        lambda w: ResultOrder(order=w.order(), report_uid="1.2.4"),
    ),
    Provoked(
        errors.BadAccession,
        "has 1 to 64 characters",
        lambda w: w.order_of(accession="MARKED-ID" * 700),
    ),
    Provoked(errors.BadAccession, "none of them a control", lambda w: schedule(w.order(), accession="MARKED\0-ID")),
    # Reading
    Provoked(
        errors.SameSite,
        "CHB cannot ask itself",
        lambda w: RequestReading(study=w.study(), from_site="CHB", to_site="CHB", question=WORDS),
    ),
    Provoked(
        errors.ReadingOpen,
        "wait for its answer",
        reading_again,
    ),
    Provoked(errors.ReaderNotEntitled, "or name a reader there", lambda w: accept(w.reading(), by=CLINICIAN)),
    Provoked(
        errors.ReaderNotEntitled,
        "is suspended and reads no study",
        lambda w: w.after(Suspend(rpps=RADIOLOGIST, reason=WORDS), ask=accept(w.reading())),
    ),
    Provoked(errors.ReadingAnswered, "is declined already", lambda w: accept(w.reading(decline))),
    Provoked(errors.ReadingAnswered, "is reported already", lambda w: decline(w.reading(accept, report))),
    Provoked(errors.ReadingNeedsReason, "give one", lambda w: decline(w.reading(), reason=" ")),
    Provoked(errors.ReadingNotAccepted, "only an accepted one is reported", lambda w: report(w.reading())),
]
