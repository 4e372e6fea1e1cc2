"""A ledger with one study that has everything a viewer shows, and the web service over it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import httpx
from pydicom.dataset import Dataset

from adapters.web_sessions import tables
from domain.aggregates.study import Study
from krypton.devstack.samples import ANNE, _dose_report
from krypton.devstack.stack import Stack
from krypton.faces.http.accounts import Accounts
from krypton.faces.http.app import face
from krypton.faces.http.limits import Limits
from krypton.ohif.fetch import fetched
from krypton.services.dicom import ingest
from krypton.services.sign_in import sealing
from krypton.services.viewings import linking
from tests.fakes import pictures
from tests.fakes.dicom import new_uid, report, write
from tests.fakes.http_server import serving
from tests.fakes.web import DOCTOR, TOKEN, WHY, account, accounts_file, digest
from tests.integration.audit_world import RADIOLOGIST, AuditWorld, audit_world
from tests.waiting import WITHIN_S

OTHERS: Final = "fictitious-token-of-a-radiologist-0123456789-abcdef"
DOSE: Final = {"TETE": (38.5, 620.0)}


@dataclass
class ViewerWorld:
    """``origin``: of the web service; ``study``, ``uid``: of the study of ``person``; ``accounts``: its folder."""

    world: AuditWorld
    person: str
    study: str
    uid: str
    origin: str
    accounts: Path

    def ask(self, path: str, token: str = TOKEN, method: str = "GET", **given: Any) -> httpx.Response:
        """A request of the account with that token, which says why."""
        headers = {"Authorization": f"Bearer {token}", **WHY, **given.pop("headers", {})}
        return httpx.request(method, self.origin + path, headers=headers, timeout=WITHIN_S, **given)

    def link(self, study: str, **body: bool) -> str:
        """A link to the viewer, as an address that opens it."""
        answer = self.ask(f"/studies/{study}/viewer", method="POST", json=body)
        assert answer.status_code == 201, answer.text
        return self.origin + str(answer.json()["open"])

    def take_in(self, person: str, *images: Dataset) -> str:
        """A study of that person comes in; returns its id."""
        shown = self.world.identity(person)
        uid = str(images[0].StudyInstanceUID)
        for image in images:
            image.PatientID, image.StudyInstanceUID = shown["local_id"], uid
            image.PatientName = f"{shown['traits']['family']}^{shown['traits']['given']}"
        ours = self.world.krypton
        ingest(ours, shown["assigner"], write(self.world.home / new_uid(), images), "system:test", None)
        self.world.settle()
        return str(Study.create_id(ours.ledger.ids, UUID(person), uid))


def everything(uid: str, slices: int = 20) -> list[Dataset]:
    """A CT, a cine, a mammogram, reports as text and as a PDF, and a dose report."""
    of: dict[str, Any] = {"StudyInstanceUID": uid}
    dose = _dose_report(ANNE, uid, DOSE)
    dose.SeriesInstanceUID, dose.SeriesNumber, dose.InstanceNumber = new_uid(), 6, 1
    dose.SeriesDescription = "Dose"
    text = report(SeriesInstanceUID=new_uid(), SeriesNumber=7, SeriesDescription="Texte", InstanceNumber=1, **of)
    return [
        *pictures.ct(slices, **of),
        pictures.ultrasound(**of),
        pictures.mammogram(**of),
        pictures.pdf(**of),
        text,
        dose,
    ]


@contextmanager
def viewer_world(stack: Stack) -> Iterator[ViewerWorld]:
    """The whole of it. Raises ServiceUnavailable: the viewer's program is not to be had."""
    with audit_world(stack) as world:
        ours = world.krypton
        fetched(ours.settings.web_viewer, lambda _: None)
        tables.create(ours.addresses.database)
        home = ours.settings.roles.parent
        doctor = account("doctor", DOCTOR, site="CHB", token=digest(TOKEN))
        other = account("other", f"rpps:{RADIOLOGIST}", site="CHP", token=digest(OTHERS))
        accounts = Accounts(accounts_file(home, doctor, other), home)
        linked = linking(ours, sealing(ours), accounts.still)
        web = face(ours, [accounts], lambda: True, lambda: b"", limits=Limits(rate=5_000), links=linked.links)
        with serving(web.app) as port:
            made = ViewerWorld(world, world.register(), "", new_uid(), f"http://127.0.0.1:{port}", home)
            made.study = made.take_in(made.person, *everything(made.uid))
            world.open(made.person)
            world.settle()
            yield made
        web.close()
        linked.close()
