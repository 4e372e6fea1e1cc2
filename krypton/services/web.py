"""Runs the web service until it is told to stop: its port, TLS or proxies, accounts, and what it measures."""

import logging
import time
from contextlib import closing

import psycopg2

from adapters.oidc.introspection import Introspection
from krypton.bootstrap import Krypton
from krypton.errors import ServiceUnavailable, SettingsWrong
from krypton.faces.dicomweb.storing import Storing
from krypton.faces.http import watched
from krypton.faces.http.accounts import Accounts
from krypton.faces.http.app import Face, face
from krypton.faces.http.delegated import Delegated
from krypton.faces.http.issued import Issued
from krypton.faces.http.limits import Limits
from krypton.faces.http.workers import Workers
from krypton.listeners import only_here
from krypton.services import health, health_page
from krypton.services.health_page import Measured
from krypton.services.http import AnsweringProtocol, listen, server
from krypton.services.memory import one_arena
from krypton.services.sign_in import browsing, sealing
from krypton.services.stow import Store
from krypton.services.tls import Followed, context_of
from krypton.services.viewings import linking
from krypton.setting_values import password
from krypton.settings import Settings
from projections.engine.query import fetch

GRACE_S = 10
ASKED_AT_ONCE, WAITING = 8, 100
"""Of tokens: the provider answers within some milliseconds, or seconds; others do not wait for it meanwhile."""
IN_CLEAR = (
    "the web service is asked over TLS: set KRYPTON_WEB_TLS_CERT_FILE and KRYPTON_WEB_TLS_KEY_FILE, name the proxies "
    "that speak TLS for it in KRYPTON_WEB_PROXIES, or let it listen on this machine alone (KRYPTON_WEB_HOST=127.0.0.1)"
)


def serve(ours: Krypton) -> None:
    """Answer until SIGTERM or SIGINT. Raises SettingsWrong, ServiceUnavailable (port taken, database away)."""
    one_arena()
    settings = ours.settings
    spoken = protocol(settings)
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # it warns of each request that is none
    assert ours.ledger.ids  # made once, before threads share it
    with (
        closing(Store(ours)) as store,
        closing(built(ours, store)) as web,
        listen(settings.web_host, settings.web_port, "KRYPTON_WEB_PORT") as opened,
    ):
        store.start()
        web.start()
        server(web.app, spoken, GRACE_S).run(sockets=[opened])


def built(ours: Krypton, storing: Storing | None = None) -> Face:
    """The face of this ledger, with its accounts, portals and browsers. Raises SettingsWrong."""
    settings = ours.settings
    accounts, provider = Accounts(settings.web_accounts, settings.home), tokens(settings)
    asking, sealed = Workers(ASKED_AT_ONCE, WAITING), sealing(ours)
    issued, browsers = Issued(accounts, sealed), browsing(ours, sealed)
    linked = linking(ours, sealed, accounts.still)
    portals = [Delegated(accounts, provider, asking, time.time)] if provider else []
    measured, well = Measured(lambda: health.measure(ours)), Measured(lambda: answers(ours))
    return face(
        ours,
        [issued, *portals, accounts, *([browsers.way] if browsers else ())],
        well.now,
        lambda: health_page.text(measured.now()),
        limits=Limits(rate=settings.web_rate),
        trusted=settings.web_proxies,
        others=[asking, linked, *([browsers] if browsers else ())],
        storing=storing,
        issued=issued,
        browsers=browsers,
        links=linked.links,
    )


def tokens(settings: Settings) -> Introspection | None:
    """Who vouches for tokens of professionals; None: no portal asks for any. Raises SettingsWrong."""
    url, client, secret = settings.web_tokens_url, settings.web_tokens_client, settings.web_tokens_secret_file
    if url is None or client is None or secret is None:
        return None
    return Introspection(url, client, password(secret, "KRYPTON_WEB_TOKENS_SECRET_FILE"), settings.web_tokens_ca_file)


def protocol(settings: Settings) -> type[AnsweringProtocol]:
    """What is spoken on the port. Raises SettingsWrong: anybody on the way could read it."""
    made = context_of(settings, "web", "web service", required=False)
    if made is None and not settings.web_proxies and not only_here(settings.web_host):
        raise SettingsWrong(IN_CLEAR)
    if made:
        made.set_alpn_protocols(["http/1.1"])
    renewing = Followed(made, settings, "web", "web service") if made else None

    class WebProtocol(AnsweringProtocol):
        tls = made
        followed = renewing
        most = settings.web_connections
        unreadable = watched.unreadable()

    return WebProtocol


def answers(ours: Krypton) -> bool:
    """Whether the database does: without it nothing is decided, and nothing shown."""
    try:
        with ours.snapshot() as connection:
            return bool(fetch(connection, "SELECT 1 AS there"))
    except (ServiceUnavailable, psycopg2.Error):
        return False
