"""A small region to test commands in: establishments, professionals, persons and studies, all plainly made up."""

from typing import Any
from uuid import UUID

from domain.commands.directory import EnrollSite, RegisterProfessional
from domain.commands.doses import ReceivedDose
from domain.commands.identities import Register
from domain.commands.received_patient import ReceivedPatient
from domain.commands.rules import PublishRules
from domain.commands.studies import ReceivedConflict, ReceivedReport, ReceiveStudy
from domain.commands.views import Promoted
from domain.ids import Ids
from domain.ledger import Ledger
from domain.ports import Answer
from domain.rules.document import MATCHING, RuleDocument
from domain.work import Command, Envelope
from tests.fakes import weighing
from tests.fakes.ids import IDS
from tests.fakes.ledger import MemoryLedger

SITES = ("CHB", "CHP", "CHA")
CLINICIAN, RADIOLOGIST = "10101201233", "10101205671"  # the second works for CHP


def rules_in_force(ledger: Ledger, version: int = 1, **limits: Any) -> None:
    """The matching rules of tests are in force (``tests.fakes.weighing``). ``limits``: those that are to be others."""
    put_in_force(ledger, weighing.document(version, **limits))


def put_in_force(ledger: Ledger, told: RuleDocument) -> None:
    """Publish matching rules, and say that an index made with them was promoted."""
    for command in (
        PublishRules(document=told),
        Promoted(view="identity_index", version=told.version + 1, former=told.version, rules={MATCHING: told.version}),
    ):
        ledger.execute(command, Envelope("system:test"))


class Region(MemoryLedger):
    """A ledger in memory that knows three establishments and two professionals."""

    def __init__(self, ids: Ids = IDS) -> None:
        super().__init__(ids)
        for code in SITES:
            self.ask(EnrollSite(code=code, name=f"Hospital {code}"))
        self.ask(RegisterProfessional(rpps=CLINICIAN, name="Dr Clinicien", profession="physician"))
        self.ask(RegisterProfessional(rpps=RADIOLOGIST, name="Dr Radiologue", profession="radiologist", sites=("CHP",)))
        self.start = self.head()

    def head(self) -> int:
        """The last position."""
        return self.recorder.max_notification_id() or 0

    def register(self, assigner: str = "CHB", local_id: str = "1", **stated: str) -> UUID:
        """A new local identity."""
        command = Register(assigner=assigner, local_id=local_id, stated={"family": "FICTIVE", **stated})
        return UUID(self.ask(command).result["identity"])

    def persons(self, *local_ids: str) -> list[UUID]:
        """Several local identities of CHB, alike in all strict traits."""
        return [self.register(local_id=local_id, **weighing.ALIKE) for local_id in local_ids]

    def receive(self, site: str = "CHB", study_uid: str = "2.25.1", **change: Any) -> Answer:
        """A study comes in from a site; see ``received``."""
        return self.ask(received(site, study_uid, **change))

    def types(self, after: int | None = None) -> list[str]:
        """The types of the events stored after a position; without one, after the region was set up."""
        return [event.type for event in self.history(self.start if after is None else after)]

    def refusal(self, command: Command) -> Exception:
        """What a command is refused with; checks that it wrote nothing."""
        before = self.head()
        try:
            self.ask(command)
        except Exception as refused:
            assert self.head() == before, "a refused command wrote something"
            return refused
        raise AssertionError(f"{type(command).__name__} was not refused")


def received(
    site: str = "CHB",
    study_uid: str = "2.25.1",
    *,
    local_id: str = "1",
    issuer: str | None = None,
    stated: dict[str, str | None] | None = None,
    instances: int = 2,
    modality: str = "CT",
    reports: tuple[ReceivedReport, ...] = (),
    doses: tuple[ReceivedDose, ...] = (),
    conflicts: tuple[ReceivedConflict, ...] = (),
    root: str = "00" * 32,
) -> ReceiveStudy:
    """One batch of a study."""
    return ReceiveStudy(
        site=site,
        patient=ReceivedPatient(local_id=local_id, issuer=issuer, stated=stated or {"family": "FICTIVE"}),
        study_uid=study_uid,
        accession=None,
        started_at="2026-01-02T08:00:00",
        description="an exam",
        modalities=[modality],
        series=[{"series_uid": f"{study_uid}.1", "modality": modality, "instances": instances}],
        instances=instances,
        root=root,
        reports=list(reports),
        doses=list(doses),
        conflicts=list(conflicts),
    )


def exposure(uid: str, **quantities: Any) -> dict[str, Any]:
    """One irradiation event, shaped as in ``dose.reported``; quantities that are not given are not known."""
    return {
        "irradiation_event_uid": uid,
        "kind": "CT",
        "started_at": None,
        "modality": "CT",
        "protocol": None,
        "target_region": None,
        "acquisition": None,
        "laterality": None,
        "phantom_cm": None,
        **dict.fromkeys(("ctdivol_mgy", "dlp_mgycm", "dap_mgycm2", "dose_rp_mgy", "agd_mgy", "activity_mbq")),
        **dict.fromkeys(("check_dlp_mgycm", "forward_dlp_mgycm", "check_ctdivol_mgy", "forward_ctdivol_mgy")),
        **dict.fromkeys(("notify_dlp_mgycm", "notify_forward_dlp_mgycm")),
        **dict.fromkeys(("notify_ctdivol_mgy", "notify_forward_ctdivol_mgy", "side")),
        "implausible": [],
        "raw": {},
        "not_understood": [],
        **quantities,
    }


def dose(report_uid: str, *exposures: dict[str, Any], qa: bool = False, **totals: Any) -> ReceivedDose:
    """One dose report."""
    return ReceivedDose(
        report_uid=report_uid,
        reported_at=None,
        modality="CT",
        device={"manufacturer": "Maker", "model": "One", "serial": "1", "station": "CT1"},
        exposures=list(exposures),
        totals=dict(totals),
        qa=qa,
    )
