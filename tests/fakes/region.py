"""A small region in memory: enrolled hospitals, their patients, and what their devices reported. All of it invented."""

from collections.abc import Iterable
from typing import Any, TypedDict
from uuid import UUID

from domain.commands.directory import EnrollSite
from domain.commands.doses import ReceivedDose
from domain.commands.identities import Register
from domain.commands.studies import ReceivedPatient, ReceiveStudy
from domain.ports import Answer
from projections.projection import Projection
from schemas.event import LedgerEvent
from tests.fakes.ledger import MemoryLedger
from tests.fakes.rows import MemoryRows

SITES = ("CHA", "CHB", "CHC")
UNKNOWN = ("ctdivol_mgy", "dlp_mgycm", "dap_mgycm2", "dose_rp_mgy", "agd_mgy", "activity_mbq")
UNREAD = ("started_at", "protocol", "target_region", "acquisition", "laterality", "phantom_cm")
CHECKS = ("check_dlp_mgycm", "forward_dlp_mgycm", "check_ctdivol_mgy", "forward_ctdivol_mgy")


def exposure(uid: str, **known: Any) -> dict[str, Any]:
    """One irradiation event as ``dose.reported`` shapes it; what is not given is not known."""
    blank = dict.fromkeys((*UNKNOWN, *UNREAD, *CHECKS))
    return (
        {"irradiation_event_uid": uid, "kind": "CT", "modality": "CT", "raw": {}, "not_understood": []} | blank | known
    )


def report(uid: str, *exposures: dict[str, Any], qa: bool = False, **totals: float | None) -> ReceivedDose:
    """One dose report with the totals that it states itself."""
    return ReceivedDose(
        report_uid=uid,
        reported_at="2026-01-05T08:00:00",
        modality="CT",
        device=dict.fromkeys(("manufacturer", "model", "serial", "station")),
        exposures=list(exposures),
        totals=totals,
        qa=qa,
    )


def _stated(family: str, birth_date: str) -> dict[str, str | None]:
    return {"family": family, "given": "Camille", "birth_date": birth_date, "sex": "F"}


class Region(MemoryLedger):
    """A ledger with three enrolled hospitals; ids come back as ``str``, as projections see them."""

    def __init__(self) -> None:
        super().__init__()
        for code in SITES:
            self.ask(EnrollSite(code=code, name=f"Hospital {code}"))

    def register(self, assigner: str, local_id: str, family: str = "Fictif") -> str:
        """One local identity."""
        stated = _stated(family, "1970-01-01")
        return str(self.ask(Register(assigner=assigner, local_id=local_id, stated=stated)).result["identity"])

    def receive(
        self,
        site: str,
        local_id: str,
        study_uid: str,
        *doses: ReceivedDose,
        family: str = "Fictif",
        birth_date: str = "1970-01-01",
    ) -> Answer:
        """One batch of a study with its dose reports; each batch brings one instance more."""
        stated = _stated(family, birth_date)
        return self.ask(
            ReceiveStudy(
                site=site,
                patient=ReceivedPatient(local_id=local_id, issuer=None, stated=stated),
                study_uid=study_uid,
                accession=None,
                started_at=None,
                description=None,
                modalities=["CT"],
                series=[{"series_uid": f"{study_uid}.1", "modality": "CT", "instances": 1}],
                instances=1,
                root="00" * 32,
                doses=list(doses),
            )
        )


def of_topics(view: Projection, events: Iterable[LedgerEvent]) -> list[LedgerEvent]:
    """The events of the view's topics, in ledger order."""
    families = {"krypton.identities": "identity.", "krypton.links": "link.", "krypton.doses": "dose."}
    prefixes = tuple(families[topic] for topic in view.topics)
    return [event for event in events if event.type.startswith(prefixes)]


def folded(view: Projection, events: Iterable[LedgerEvent]) -> MemoryRows:
    """The view's rows after these events of its topics."""
    rows = MemoryRows(view.tables)
    for event in of_topics(view, events):
        view.apply(event, rows)
    return rows


class Sides(TypedDict):
    """The two sides of a link command."""

    one: UUID
    other: UUID


def pair(one: str, other: str) -> Sides:
    """The two sides of a link command: ``Merge(**pair(a, b), reason=…)``."""
    return {"one": UUID(one), "other": UUID(other)}
