"""Browsers that sign in, over a provider and a store of sessions that are in memory."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from starlette.testclient import TestClient

from adapters.oidc.asking import Refused
from adapters.oidc.introspection import ProviderAway
from adapters.oidc.tokens import NotGood
from adapters.web_sessions.sealed import Sealing
from adapters.web_sessions.sessions import Session, hashed, new_id
from domain.errors import NotFound
from krypton.faces.http.app import Face
from krypton.faces.http.limits import Limits
from krypton.faces.http.workers import Workers
from krypton.faces.signin.by_session import BySession
from krypton.faces.signin.cookies import BEGUN, SESSION
from krypton.faces.signin.pages import Pages
from krypton.faces.signin.ports import EndedThere
from krypton.faces.signin.providers import KINDS, Stated
from krypton.faces.signin.routes import Routes
from krypton.faces.signin.situations import Ledger
from krypton.faces.signin.steps import Known, SignIn
from krypton.services.sign_in import Browsing
from tests.fakes.openid import CHB, CHD, CLIENT, ISSUER, Given, Who
from tests.fakes.web import asking, wired

ORIGIN: Final = "https://krypton.example"
SEALING: Final = Sealing(b"k" * 32, b"n" * 32)
MATRICULE, PATIENT = "180067501234567", "6f1c1c2e-0b1a-5c3e-9a0c-4b6a35d1e8f2"
PAGE: Final = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "same-origin", "Accept": "text/html"}
"""What a browser says of a page that somebody goes to within this service."""
FORM: Final = {**PAGE, "Origin": ORIGIN}


@dataclass
class Asked:
    """A provider. ``who``: signs in next; ``begun``: what it was asked by each browser; ``logout``: what it says;
    ``renewal``: what it gives for a refresh token.
    """

    who: Any = field(default_factory=Who)
    begun: list[dict[str, str]] = field(default_factory=list)
    codes: list[tuple[str, str, str]] = field(default_factory=list)
    logout: Any = None
    renewals: list[str] = field(default_factory=list)
    renewal: Any = field(default_factory=lambda: Given("second-access", "second-refresh", None))

    def begin(self, *, state: str, nonce: str, verifier: str) -> str:
        self.begun.append({"state": state, "nonce": nonce, "verifier": verifier})
        return f"{ISSUER}/auth?state={state}"

    def identified(self, code: str, *, nonce: str, verifier: str) -> Any:
        self.codes.append((code, nonce, verifier))
        if isinstance(self.who, Exception):
            raise self.who
        return self.who

    def ended(self, logout_token: str) -> EndedThere:
        if self.logout is None:
            raise NotGood("it is no token")
        return self.logout  # type: ignore[no-any-return]

    def renewed(self, refresh: str) -> Any:
        self.renewals.append(refresh)
        if isinstance(self.renewal, Exception):
            raise self.renewal
        return self.renewal

    def leave(self, id_token: str | None, back: str, state: str) -> str | None:
        return f"{ISSUER}/leave?id_token_hint={id_token}&post_logout_redirect_uri={back}"


class Remembered:
    """A store of sessions that keeps them in memory, for ever; how long they last is the database's to show."""

    def __init__(self) -> None:
        self.held: dict[str, Session] = {}
        self.names: dict[bytes, tuple[str, str, str | None]] = {}
        self.reasons: dict[tuple[bytes, str], str] = {}
        self.used: set[str] = set()
        self.due = False

    def open(
        self,
        provider: str,
        *,
        subject: str,
        session: str | None,
        actor: str | None,
        site: str | None,
        kept: Mapping[str, Any],
    ) -> str:
        made = new_id()
        self.held[made] = Session(hashed(made), provider, actor, site, kept)
        self.names[hashed(made)] = provider, subject, session
        return made

    def of(self, id: str, *, using: bool = True) -> Session | None:
        found = self.held.get(id)
        return replace(found, due=self.due) if found else None

    def become(self, id: str, session: Session, *, actor: str, site: str | None, kept: Mapping[str, Any]) -> str | None:
        made = new_id()
        self.held[made] = replace(self.held.pop(id), hash=hashed(made), actor=actor, site=site, kept=kept)
        self.names[hashed(made)] = self.names[hashed(id)]
        return made

    def claim(self, session: Session) -> bool:
        due, self.due = self.due, False
        return due

    def keep(self, session: Session, kept: Mapping[str, Any]) -> None:
        self.held.update({id: replace(one, kept=kept) for id, one in self.held.items() if one.hash == session.hash})

    def end(self, id: str) -> None:
        self.held.pop(id, None)

    def end_of(self, provider: str, token: str, until: float, subject: str | None, session: str | None) -> int | None:
        if token in self.used:
            return None
        self.used.add(token)
        gone = [id for id, one in self.held.items() if self.names[one.hash][:2] == (provider, subject)]
        for id in gone:
            del self.held[id]
        return len(gone)

    def give_reason(self, session: Session, identity: str, reason: str) -> None:
        self.reasons[session.hash, identity] = reason

    def reason_given(self, session: Session, identities: Collection[str]) -> str | None:
        return next(
            (self.reasons[session.hash, one] for one in identities if (session.hash, one) in self.reasons), None
        )


def stated(name: str, kind: str, **changed: Any) -> Stated:
    """A provider, as the file has it."""
    scope, acr, claim = KINDS[kind]
    nowhere = Path("/nowhere")
    made = Stated(name, kind, f"Provider of {kind}", ISSUER, CLIENT, nowhere, None, scope, (acr,), claim)
    return replace(made, **changed)


def _carries(number: str) -> str:
    if number != MATRICULE:
        raise NotFound("no identity carries that matricule")
    return PATIENT


@dataclass
class World:
    """The service, a browser, and what stands behind. ``time``: that of the service."""

    client: TestClient
    providers: dict[str, Asked]
    sessions: Remembered
    time: list[float]
    web: Face

    def cookie(self, name: str = SESSION) -> str:
        """What the browser has."""
        return self.client.cookies.get(name) or ""

    def begin(self, name: str = "psc", next: str = "") -> Any:
        """Go to the provider; returns where the browser is sent."""
        answer = self.client.get(f"/sign-in/{name}", params={"next": next}, headers=PAGE, follow_redirects=False)
        assert answer.status_code == 303, answer.text
        return parse_qs(urlsplit(answer.headers["location"]).query)["state"][0]

    def back(self, name: str = "psc", **told: str) -> Any:
        """Come back from it."""
        from_there = {**PAGE, "Sec-Fetch-Site": "cross-site"}
        return self.client.get(f"/sign-in/back/{name}", params=told, headers=from_there, follow_redirects=False)

    def sign_in(self, name: str = "psc", next: str = "") -> Any:
        """All of it."""
        return self.back(name, state=self.begin(name, next), code="fictitious-code")

    def post(self, path: str, fields: Mapping[str, str], **headers: str) -> Any:
        """Send a form."""
        return self.client.post(path, data=dict(fields), headers={**FORM, **headers}, follow_redirects=False)

    @property
    def form(self) -> str:
        """The token of this session's forms."""
        return SEALING.form_token(self.cookie())


@contextmanager
def browsing(
    folder: Path, *, limits: Limits | None = None, people: Mapping[str, tuple[str, ...]] | None = None
) -> Iterator[World]:
    """A service in which browsers sign in by a provider of each kind."""
    asked = {"psc": Asked(), "ins": Asked(), "staff": Asked()}
    kinds = {"psc": "professionals", "ins": "patients", "staff": "staff"}
    sessions, now = Remembered(), [1_800_000_000.0]
    known = {name: Known(stated(name, kinds[name], people=people or {}), asked[name]) for name in asked}
    ledger = Ledger(lambda: {finess: (code, name) for finess, code, name in (CHB, CHD)}, _carries)
    sign_in = SignIn(
        ORIGIN, known, sessions, SEALING, ledger, (NotGood, Refused, ProviderAway), Refused, lambda: now[0]
    )
    threads = Workers(2, 20), Workers(2, 20)
    made = Browsing(Routes(sign_in, Pages(), threads[0]), BySession(sign_in, threads[1], threads[0]), threads, None)
    with wired(folder, ways=[made.way], browsers=made, limits=limits) as web, asking(web, ORIGIN) as client:
        yield World(client, asked, sessions, now, web)
    made.close()


__all__ = ["BEGUN", "SESSION", "World", "browsing"]
