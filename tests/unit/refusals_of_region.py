"""How a user provokes each refusal about studies, doses, establishments and professionals."""

from dataclasses import replace
from uuid import UUID

from domain import errors
from domain.aggregates.dose import Dose
from domain.aggregates.study import Study
from domain.commands.conflicts import AcceptConflict, DismissConflict
from domain.commands.consents import Oppose
from domain.commands.directory import (
    ActivateService,
    Affiliate,
    EndService,
    EnrollSite,
    RegisterDevice,
    RegisterProfessional,
    Suspend,
)
from domain.commands.dose_images import RereadImages
from domain.commands.doses import AcceptValues, AcknowledgeAlert, ReceivedDose, RereadDose
from domain.commands.policies import DropEntry
from domain.commands.readings import RequestReading
from domain.commands.received_patient import ReceivedPatient
from domain.commands.studies import ReassignStudy, ReceivedConflict, ReceiveStudy, WithdrawStudy
from domain.commands.study_protection import Whose
from domain.consent_statements import Scope
from tests.fakes.erasing import Erase
from tests.fakes.ids import IDS
from tests.fakes.region import CLINICIAN, RADIOLOGIST, dose, exposure, received
from tests.unit.refusals import LOCAL_ID, PERSON, WORDS, Directly, Provoked, World


def both_against_feeding(w: World) -> ReassignStudy:
    """A study moves between two who oppose feeding, each from another time on."""
    study, other = w.study(), w.other
    for one in (w.marie, other):
        w.ask(Oppose(identity=one, scope=Scope.FEED, reason=WORDS))
    return ReassignStudy(study=study, to_identity=other, reason=WORDS, protects=Whose.BOTH)


def drop_entry(reason: str) -> DropEntry:
    """An operator discards what a policy gave up."""
    return DropEntry(policy="expiry", entry=UUID(int=1), does="expire_order", by="operator:one", reason=reason)


def code_of_alert(world: World) -> AcknowledgeAlert:
    """Acknowledges an alert that was never raised."""
    study = world.study(doses=(dose("1.2.3", exposure("1.2.3.4")),))
    return AcknowledgeAlert(study=study, alert=UUID(int=1), note=WORDS)


def alert_of(world: World, by: str) -> AcknowledgeAlert:
    """Acknowledges an alert of CHB."""
    study = world.study(doses=(dose("1.2.3", exposure("1.2.3.4", dose_rp_mgy=2_500.0)),))
    (alert,) = [e.data["alert_id"] for e in world.history() if e.type == "dose.alert_raised"]
    return AcknowledgeAlert(study=study, alert=UUID(alert), note=WORDS, by=by)


def accept_of_erased(world: World) -> AcceptConflict:
    """Accepts a conflict with images of somebody who was erased since."""
    world.study()
    other = world.known("MARKED-OTHER")
    stated = ReceivedPatient(local_id="MARKED-OTHER", issuer=None, stated=PERSON)
    second = ReceivedConflict(
        patient=stated, study_uid="2.25.1", differing=["PatientID"], instances=1, uid="1.2", digest="ab"
    )
    study = world.study(instances=0, conflicts=(second,))
    (found,) = [e.data["conflict_id"] for e in world.history() if e.type == "study.conflict_found"]
    world.ask(Erase(identity=other, reason="asked for"))
    return AcceptConflict(study=study, conflict=UUID(found), reason=WORDS)


def content(uid: str, dlp: float, at: str) -> ReceivedDose:
    return replace(dose(uid, exposure("1.2.9", dlp_mgycm=dlp)), reported_at=at)


def accept_after_a_correction(world: World) -> AcceptConflict:
    """A second content is accepted, where the device corrected itself later."""
    return accept(world, content("1.2.3", 1.0, "2026-01-01"), content("1.2.4", 2.0, "2026-01-03"))


def accept(world: World, *doses: ReceivedDose) -> AcceptConflict:
    """A second content of a report is accepted."""
    study = world.study(doses=doses)
    second = ReceivedConflict(
        patient=ReceivedPatient(local_id=LOCAL_ID, issuer=None, stated=PERSON),
        study_uid="2.25.1",
        differing=["ContentSequence"],
        instances=1,
        uid="1.2.3",
        digest="ab",
        reports=True,
    )
    world.study(instances=0, conflicts=(second,))
    (found,) = [e.data["conflict_id"] for e in world.history() if e.type == "study.conflict_found"]
    held = content("1.2.3", 3.0, "2026-01-02")
    return AcceptConflict(study=study, conflict=UUID(found), reason=WORDS, dose=held)


def read_again(study: UUID, compared: str | None) -> RereadDose:
    return RereadDose(study=study, site="CHB", received=content("1.2.3", 4.0, "2026-01-01"), compared=compared)


def images_read_again(world: World) -> RereadImages:
    """What was compared is on record no more."""
    read = replace(content("1.2.4", 4.0, "2026-01-01"), source="image")
    return RereadImages(study=world.study(doses=(read,)), site="CHB", received=read, before=("1.2.3",))


def read_again_after_a_decision(world: World) -> RereadDose:
    """A stored report, whose content in another file a person let stand."""
    accepted = accept(world, content("1.2.3", 1.0, "2026-01-01"))
    world.ask(accepted)
    return read_again(accepted.study, "1.2.3")


def hundred_persons(world: World) -> ReceiveStudy:
    """One more, where a hundred unlike persons were received under one number."""
    for n in range(99):
        stated: dict[str, str | None] = {
            "family": chr(65 + n % 26) * 9 + chr(65 + n // 26) * 9,
            "birth_date": f"19{n:02}-01-01",
        }
        world.receive("CHB", f"2.25.9{n}", local_id="MARKED-ID-99", stated=stated)
    return received("CHB", "2.25.9", local_id="MARKED-ID-99", stated=PERSON)


def report_twice() -> None:
    """The same dose report, a second time."""
    held = Dose(UUID(int=3), UUID(int=1), UUID(int=2), "1.2")
    for _ in range(2):
        held.report(site="CHB", **vars(dose("1.2.3", exposure("1.2.3.4"))))


def report_added_twice() -> None:
    """The same report of a study, a second time."""
    held = Study(UUID(int=3), UUID(int=1), "1.2", "CHB", None, None, [], None, [], 1, "")
    for _ in range(2):
        held.add_report(report_uid="1.2.4", kind="SR", title=WORDS)


PROVOKED = [
    # Study
    Provoked(errors.UnknownSite, "krypton site enroll NOWHERE", lambda w: received("NOWHERE", local_id=LOCAL_ID)),
    Provoked(
        errors.NothingNew,
        "holds all of this batch already",
        lambda w: w.after(
            received(local_id=LOCAL_ID, stated=PERSON), ask=received(local_id=LOCAL_ID, stated=PERSON, instances=0)
        ),
    ),
    Provoked(errors.NothingNew, "ask the site to correct its numbering", hundred_persons),
    Provoked(
        errors.StudyWithdrawn,
        "see its history",
        lambda w: w.after(
            WithdrawStudy(study=w.study(), reason=WORDS),
            ask=WithdrawStudy(study=Study.create_id(IDS, w.marie, "2.25.1"), reason=WORDS),
        ),
    ),
    Provoked(
        errors.StudyWithdrawn,
        "and cannot be read",
        lambda w: w.after(
            WithdrawStudy(study=w.study(), reason=WORDS),
            ask=RequestReading(
                study=Study.create_id(IDS, w.marie, "2.25.1"), from_site="CHB", to_site="CHP", question=WORDS
            ),
        ),
    ),
    Provoked(
        errors.AlreadyThere,
        "already: nothing to do",
        lambda w: ReassignStudy(study=w.study(), to_identity=w.marie, reason=WORDS),
    ),
    Provoked(
        errors.ProtectionInDoubt,
        "lift the one of these two that is not the study's person's, then reassign",
        both_against_feeding,
    ),
    # Dose
    Provoked(
        errors.NoExposure,
        "holds no irradiation event",
        lambda w: received(local_id=LOCAL_ID, stated=PERSON, doses=(dose("1.2.3"),)),
    ),
    Provoked(
        errors.ConflictSettled,
        "see krypton study conflicts list",
        lambda w: DismissConflict(study=w.study(), conflict=UUID(int=1), reason=WORDS),
    ),
    Provoked(errors.Erased, "dismiss the conflict", accept_of_erased),
    Provoked(errors.OtherReportStands, "Dismiss the conflict", accept_after_a_correction),
    Provoked(errors.ReadAgain, "what they decided stands", read_again_after_a_decision),
    Provoked(
        errors.ReadAgain,
        "run krypton dose reread again",
        lambda w: read_again(w.study(doses=(content("1.2.3", 1.0, "2026-01-01"),)), None),
    ),
    Provoked(errors.ReadAgain, "or a dose report took their place", images_read_again),
    Provoked(errors.AlertUnchanged, "see krypton dose alerts", code_of_alert),
    Provoked(
        errors.ValuesUnchanged,
        "no implausible value to accept",
        lambda w: AcceptValues(study=code_of_alert(w).study, report_uid="1.2.3", note=WORDS),
    ),
    Provoked(
        errors.NoteMissing,
        "say why the values are right with --note",
        lambda w: AcceptValues(study=code_of_alert(w).study, report_uid="1.2.3", note=" "),
    ),
    Provoked(
        errors.AlertOfAnotherSite,
        "krypton dose alerts shows those of their establishment",
        lambda w: alert_of(w, by=RADIOLOGIST),
    ),
    Provoked(
        errors.AlertOfAnotherSite,
        "is suspended and acknowledges no alert",
        lambda w: w.after(Suspend(rpps=CLINICIAN, reason=WORDS), ask=alert_of(w, by=CLINICIAN)),
    ),
    Provoked(errors.NoteMissing, "say what was done", lambda w: replace(code_of_alert(w), note="")),
    # Establishment
    Provoked(errors.BadSite, "2 to 16 capitals", lambda w: EnrollSite(code="x", name="X")),
    Provoked(errors.BadSite, "has no name: give one", lambda w: EnrollSite(code="CHX", name=" ")),
    Provoked(errors.BadSite, "known are modality", lambda w: RegisterDevice(code="CHB", ae_title="A", kind="robot")),
    Provoked(errors.BadSite, "such as teleradiology", lambda w: ActivateService(code="CHB", service="Télé")),
    Provoked(errors.NoReasonToDrop, "say why", lambda w: drop_entry(" ")),
    Provoked(errors.SiteEnrolled, "register its devices instead", lambda w: EnrollSite(code="CHB", name="Again")),
    Provoked(errors.BadFiness, "or leave it out", lambda w: EnrollSite(code="CHX", name="X", finess="33")),
    Provoked(errors.BadAeTitle, "1 to 16 printable", lambda w: RegisterDevice(code="CHB", ae_title="A" * 17)),
    Provoked(errors.ServiceNotActive, "see krypton site list", lambda w: EndService(code="CHB", service="priors")),
    Provoked(
        errors.BadAddress,
        "a host and a port",
        lambda w: RegisterDevice(code="CHB", ae_title="CHB_PACS", address="somewhere"),
    ),
    Provoked(
        errors.AeTitleTaken,
        "CT_1 belongs to CHB already: use another",
        lambda w: w.after(RegisterDevice(code="CHB", ae_title="CT_1"), ask=RegisterDevice(code="CHP", ae_title="CT_1")),
    ),
    Provoked(
        errors.ServiceActive,
        "CHB uses teleradiology already",
        lambda w: w.after(
            ActivateService(code="CHB", service="teleradiology"),
            ask=ActivateService(code="CHB", service="teleradiology"),
        ),
    ),
    Provoked(errors.UnknownSite, "krypton site enroll NO-1", lambda w: ActivateService(code="NO-1", service="pacs")),
    # Professional
    Provoked(
        errors.BadProfessional,
        "11 digits: check what was typed",
        lambda w: RegisterProfessional(rpps="123", name="Dr Essai", profession="physician"),
    ),
    Provoked(
        errors.BadProfessional,
        "the last digit of an RPPS number is a check digit",
        lambda w: RegisterProfessional(rpps="10101201234", name="Dr Essai", profession="physician"),
    ),
    Provoked(
        errors.BadProfessional,
        "needs a name and a profession",
        lambda w: RegisterProfessional(rpps="10101209996", name="Dr Essai", profession=""),
    ),
    Provoked(
        errors.ProfessionalRegistered,
        "affiliate them instead",
        lambda w: RegisterProfessional(rpps=CLINICIAN, name="Dr Essai", profession="physician"),
    ),
    Provoked(errors.AlreadyAffiliated, "to CHP already", lambda w: Affiliate(rpps=RADIOLOGIST, site="CHP")),
    Provoked(
        errors.SuspensionRefused,
        "is suspended already",
        lambda w: w.after(Suspend(rpps=CLINICIAN, reason=WORDS), ask=Suspend(rpps=CLINICIAN, reason=WORDS)),
    ),
    Provoked(errors.SuspensionRefused, "without a reason: give one", lambda w: Suspend(rpps=CLINICIAN, reason=" ")),
    # No command gets so far, but the aggregate stands by its rule
    Provoked(errors.ReportKnown, "is recorded already", lambda w: Directly(report_twice)),
    Provoked(
        errors.NothingNew,
        "has report 1.2.4 already",
        lambda w: Directly(report_added_twice),
    ),
]
