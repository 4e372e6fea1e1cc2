"""Wires sign-in of browsers: the providers file, the store of sessions, and what of the ledger sign-in asks."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from starlette.types import ASGIApp

from adapters.oidc.asking import Refused
from adapters.oidc.introspection import ProviderAway
from adapters.oidc.provider import Provider
from adapters.oidc.tokens import NotGood
from adapters.vault.derived import Purpose
from adapters.web_sessions.sealed import Sealing
from adapters.web_sessions.sessions import Sessions
from domain.aggregates.identity import Identity
from domain.errors import NotFound
from domain.ins_doubt import doubts
from krypton.bootstrap import Krypton
from krypton.errors import SettingsWrong
from krypton.faces.http.app import Closing
from krypton.faces.http.declared import Declared, Doors
from krypton.faces.http.signing_in import Authenticator
from krypton.faces.http.workers import Workers
from krypton.faces.signin import providers
from krypton.faces.signin.by_session import BySession
from krypton.faces.signin.guard import Guarded
from krypton.faces.signin.pages import Pages
from krypton.faces.signin.providers import Stated
from krypton.faces.signin.routes import Routes
from krypton.faces.signin.situations import Ledger
from krypton.faces.signin.steps import Known, SignIn
from krypton.listeners import only_here
from krypton.setting_values import password
from postgres.pool import Pool

SESSIONS: Final = 2
"""Connections in which sessions are looked up."""
ASKED_AT_ONCE, WAITING = 8, 100
"""Sign-ins, each of which waits for its provider; who is signed in waits for none of them."""


@dataclass(frozen=True)
class Browsing:
    """What browsers need: see ``krypton.faces.http.app.Browsers``. ``way``: of signing in by a session."""

    routes: Routes
    way: Authenticator
    threads: tuple[Workers, ...]
    connections: Closing | None

    def declared(self, doors: Doors) -> list[Declared]:
        """The routes."""
        return self.routes.declared(doors)

    def guarding(self, app: ASGIApp) -> ASGIApp:
        """The same application, guarded."""
        return Guarded(app, self.routes.sign_in.origin, self.routes.pages)

    def close(self) -> None:
        """See ``krypton.faces.http.app.Closing``."""
        for each in self.threads:
            each.close()
        if self.connections:
            self.connections.close()


def sealing(ours: Krypton) -> Sealing:
    """Seals what browsers and programs are given, and what sessions keep. Raises as ``Krypton.region_secret`` does."""
    return Sealing(ours.secret(Purpose.WEB_SESSIONS), ours.secret(Purpose.WEB_NAMES))


def browsing(ours: Krypton, sealed: Sealing) -> Browsing | None:
    """None where no provider is stated: browsers cannot sign in. Raises SettingsWrong."""
    settings = ours.settings
    stated = providers.read(settings.web_providers, settings.home)
    if not stated:
        return None
    if settings.web_origin is None and (settings.web_tls_cert_file or not only_here(settings.web_host)):
        raise SettingsWrong(
            f"browsers sign in ({settings.web_providers}), so the service must know its public address: "
            "set KRYPTON_WEB_ORIGIN, as https://images.example.fr"
        )
    pool = Pool(ours.addresses.database, "web sessions", SESSIONS)
    sessions = Sessions(pool, sealed, lambda: time.time_ns() // 1_000)
    origin = settings.public_origin
    known = {name: Known(one, asked(one, origin)) for name, one in stated.items()}
    ledger = Ledger(lambda: sites(ours), lambda number: carrier(ours, number))
    sign_in = SignIn(origin, known, sessions, sealed, ledger, (Refused, NotGood, ProviderAway), Refused)
    asking, looking = Workers(ASKED_AT_ONCE, WAITING), Workers(SESSIONS, WAITING)
    return Browsing(Routes(sign_in, Pages(), asking), BySession(sign_in, looking, asking), (asking, looking), pool)


def carrier(ours: Krypton, matricule: str) -> str:
    """The identity whose own that matricule is. One in doubt may be a child's record under a parent's number, and the
    parent would read it as their own. Raises NotFound.
    """
    held = ours.ledger.find(Identity, ours.resolve(f"INS|{matricule}"))
    if held is None or doubts(held.flags):
        raise NotFound("the matricule is in doubt where it stands: a clerk checks it with INSi, and settles that first")
    return str(held.id)


def asked(stated: Stated, origin: str) -> Provider:
    """How a provider is asked. Raises SettingsWrong: its secret cannot be read."""
    secret = password(stated.secret_file, f"secret_file of the provider {stated.name}")
    back = f"{origin}/sign-in/back/{stated.name}"
    return Provider(stated.issuer, stated.client, secret, stated.scope, stated.acr, back, stated.authorities)


def sites(ours: Krypton) -> Mapping[str, tuple[str, str]]:
    """The code and name of each enrolled establishment that has a FINESS number, by that."""
    return {one.finess: (one.code, one.name) for one in ours.ledger.directory().sites.values() if one.finess}
