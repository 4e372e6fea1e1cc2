"""The web service over queries that are no real ones: who signs in, what is decided, and what comes back."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final
from uuid import UUID

import pytest
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from adapters.archive.archive import Archive
from adapters.archive.media import Zipped
from domain.actors import Caller
from domain.commands.viewings import View
from domain.errors import NotFound
from krypton.faces.dicomweb import files, qido
from krypton.faces.http import declared, routes
from krypton.faces.http.accounts import Accounts
from krypton.faces.http.app import Browsers, Face, face
from krypton.faces.http.declared import Declared
from krypton.faces.http.issued import Issued
from krypton.faces.http.limits import Limits
from krypton.faces.http.proxies import Network
from krypton.faces.http.signing_in import Authenticator
from krypton.faces.http.workers import Workers
from krypton.faces.viewer.routes import Links
from krypton.queries.gate import RECORDED, Recorded, ViewRefused
from krypton.queries.standing import Seen, Standing
from krypton.queries.study_search import Found
from tests.fakes.viewings import Viewings

TOKEN: Final = "fictitious-token-of-a-test-0123456789-abcdefghijkl"
OPERATORS: Final = "fictitious-token-of-an-operator-0123456789-abcdef"
PERSON: Final = "6f1c1c2e-0b1a-5c3e-9a0c-4b6a35d1e8f2"
DOCTOR: Final = "rpps:10101201233"
RECORD: Final = f"/api/people/{PERSON}/record"
WHY: Final = {"Krypton-Reason": "follow-up after surgery"}
SIGNED: Final = {"Authorization": f"Bearer {TOKEN}", **WHY}
AN_OPERATOR: Final = {"Authorization": f"Bearer {OPERATORS}"}
QUERIES: Final = {
    "identity_of": "identity.show",
    "record_of": "record.show",
    "dose_of": "dose.show",
    "dose_bundle_of": "dose.export",
    "dose_report_of": "dose.export",
    "consents_of": "consent.show",
    "study_of": "study.show",
    "order_of": "order.show",
}
"""The queries that routes ask, and their tasks."""


def digest(token: str) -> str:
    """As the accounts file has it."""
    return f"sha256:{hashlib.sha256(token.encode()).hexdigest()}"


def account(name: str, actor: str, **more: str) -> str:
    """A table of the accounts file."""
    lines = {"actor": f'"{actor}"', "until": "2999-12-31", **{key: f'"{value}"' for key, value in more.items()}}
    return "\n".join([f"[accounts.{name}]", *(f"{key} = {value}" for key, value in lines.items()), ""])


def accounts_file(folder: Path, *accounts: str) -> Path:
    """An accounts file that is believed."""
    folder.chmod(0o700)
    file = folder / "accounts.toml"
    file.write_text("\n".join(accounts) or "[accounts]\n")
    file.chmod(0o600)
    return file


def usual(folder: Path) -> Accounts:
    """A professional's account and an operator's, each with a token."""
    doctor = account("portal", DOCTOR, site="CHB", token=digest(TOKEN))
    operator = account("prometheus", "operator:prometheus", token=digest(OPERATORS))
    return Accounts(accounts_file(folder, doctor, operator), folder)


A_STUDY: Final[Mapping[str, Any]] = {
    "study": PERSON,
    "study_uid": "1.2.3",
    "date": "2026-01-05",
    "accession": None,
    "description": "Thorax",
    "modalities": ["CT"],
    "series": 1,
    "instances": 2,
    "assigner": "CHB",
    "local_id": "T-1",
}
"""What a search finds, but for whom it is of."""


class Queries:
    """Stand in for the gate and what is read behind it. ``refuses``: the rule by which all is refused; ``seen``: the
    studies that are shown, by UID; ``keys``: of the last search, ``more``: whether it finds more.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[str, Caller, str]] = []
        self.refuses: str | None = None
        self.records = True
        self.stands = True
        self.document: Any = {"person": PERSON, "studies": []}
        self.before: Callable[[], object] = lambda: None
        self.seen = dict[str, Seen]()
        self.keys = dict[str, str]()
        self.more = False

    def install(self, patched: pytest.MonkeyPatch) -> None:
        """In the place of the queries that the routes ask."""
        for name, task in QUERIES.items():
            patched.setattr(routes, name, partial(self._answer, task))
        patched.setattr(declared, "stands", lambda *_: self.stands)
        patched.setattr(Standing, "seen", self._seen)
        patched.setattr(files, "study_files", self._files)
        patched.setattr(qido, "studies_found", self._found)

    def _seen(self, caller: Caller, uid: str, _: UUID | None) -> Seen:
        self._answer("study.show", None, caller, uid)
        if uid not in self.seen:
            raise NotFound("no study of that UID")
        return self.seen[uid]

    def _found(self, ours: Any, caller: Caller, keys: Mapping[str, str], **page: Any) -> Found:
        told = self._answer("study.search", ours, caller, page.get("person") or "everybody")
        self.keys = dict(keys)
        return Found([{**A_STUDY, "traits": {"family": str(told["person"])}}], self.more)

    def _files(self, ours: Any, caller: Caller, study: UUID) -> Zipped:
        told = json.dumps(self._answer("study.export", ours, caller, study)).encode()
        return Zipped(len(told), 0, iter([told]))

    def _answer(self, task: str, _: Any, caller: Caller, about: object, *_below: object) -> Any:
        self.before()
        self.asked.append((task, caller, str(about)))
        noted = RECORDED.get()
        if noted is not None and self.records:
            noted.append(Recorded(len(self.asked), View(caller=caller, task=task, identity=None), {}))
        if self.refuses:
            raise ViewRefused(self.refuses, task, caller.role)
        return self.document


@contextmanager
def wired(
    folder: Path,
    *,
    limits: Limits | None = None,
    trusted: Sequence[Network] = (),
    well: Callable[[], bool] = lambda: True,
    works: Callable[[], bytes] = lambda: b"krypton_healthy 1.0\n",
    pool: int = 2,
    ways: Sequence[Authenticator] = (),
    issued: Issued | None = None,
    browsers: Browsers | None = None,
    archive: Archive | None = None,
    viewings: Viewings | None = None,
) -> Iterator[Face]:
    """The whole face, with the usual accounts, and other ``ways`` to sign in."""
    ours: Any = SimpleNamespace(pool=pool, settings=SimpleNamespace(web_viewer=folder / "viewer"), archive=archive)
    accounts, looking = usual(folder), Workers(pool, 50)
    links = Links(viewings or Viewings(), looking, accounts.still)
    made = face(
        ours,
        [*ways, accounts],
        well,
        works,
        limits=limits,
        trusted=trusted,
        issued=issued,
        browsers=browsers,
        links=links,
        others=[looking],
    )
    try:
        yield made
    finally:
        made.close()


@contextmanager
def asking(web: Face, base_url: str = "https://krypton.example") -> Iterator[TestClient]:
    """A client of the application itself, without a server."""

    async def lives(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await web.app(scope, receive, send)
            return
        for _ in range(2):  # started, and stopped
            await send({"type": f"{(await receive())['type']}.complete"})

    with TestClient(lives, base_url=base_url) as client:
        yield client


def named_in(page: str, one: Declared) -> bool:
    """Whether a page for callers names a route; what a link to the viewer shows is named below it as a whole."""
    below = "/viewer/s/{link:uuid}/dicom-web/studies/"
    return f"`{one.method} {below}…`" in page if one.path.startswith(below) else f"`{one.method} {one.path}`" in page
