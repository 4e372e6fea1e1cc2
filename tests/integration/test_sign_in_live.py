"""A browser signs in at a provider that is not ours, reads a record, and is cut off when its session ends there."""

import re
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urljoin
from uuid import UUID

import httpx
import pytest
from starlette.responses import StreamingResponse

from adapters.web_sessions import tables
from domain.commands.accesses import OpenAccess
from domain.commands.consents import Grant
from domain.commands.directory import Affiliate, EnrollSite
from domain.commands.identities import AttachIns, ClearFlag, Flag
from krypton.bootstrap import Krypton
from krypton.devstack import people
from krypton.devstack.home import StackHome
from krypton.devstack.sign_in import LocalProvider, write_providers
from krypton.devstack.stack import Stack
from krypton.devstack.teller import Silent
from krypton.faces.http import routes
from krypton.faces.signin.cookies import SESSION
from krypton.home import cache_folder
from krypton.services.web import built
from tests.fakes.http_server import serving
from tests.fakes.ports import free_port
from tests.integration.audit_world import CLINICIAN, AuditWorld, audit_world
from tests.integration.test_web_live import recorded
from tests.unit.test_http_server import Roomy, request
from tests.unit.test_http_watch import endless
from tests.waiting import WITHIN_S

pytestmark = pytest.mark.live
HERE = {"Sec-Fetch-Mode": "navigate", "Accept": "text/html"}
FIELD = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)"')


@dataclass
class Site:
    """The web service with its provider, and who is in its ledger."""

    world: AuditWorld
    origin: str
    issuer: str
    person: str

    @property
    def record(self) -> str:
        return f"{self.origin}/api/people/{self.person}/record"


@pytest.fixture(scope="module")
def site(stack: Stack) -> Iterator[Site]:
    home = StackHome(Path(tempfile.mkdtemp(prefix="krypton-sign-in-")))
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    provider = LocalProvider(home, cache_folder(home.root), Silent(), origin)
    try:
        with audit_world(stack) as world:
            issuer = provider.up()
            assert issuer == provider.up()
            file = home.root / "providers.toml"
            assert write_providers(provider, issuer, file)
            assert not write_providers(provider, issuer, file)
            for code, finess in (("CHS", people.CHB), ("CHT", people.CHD)):
                world.ask(EnrollSite(code=code, name=f"Hospital {code}", finess=finess))
            world.ask(Affiliate(rpps=CLINICIAN, site="CHS"))
            person = world.register()
            world.receive(person)
            doctor = f"rpps:{CLINICIAN}"
            world.ask(Grant(identity=UUID(person), party=doctor), f"patient:{person}")
            world.ask(OpenAccess(identity=UUID(person), rpps=CLINICIAN, reason="follow-up", site="CHS"), doctor)
            world.settle()
            tables.create(world.krypton.addresses.database)
            given = replace(world.krypton.settings, web_providers_given=file, web_port=port)
            ours = Krypton(given, world.krypton.addresses)
            web = built(ours)
            with serving(web.app, Roomy, port):
                yield Site(world, origin, issuer, person)
            web.close()
            ours.close()
    finally:
        provider.down()
        shutil.rmtree(home.root)


class Browser:
    """Follows links and sends forms; holds this machine to be as safe as TLS, as browsers do."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        self.cookies: dict[str, str] = {}
        self.at = httpx.URL("about:blank")
        self.text = ""
        self.status = 0

    def go(self, address: str) -> None:
        self._came(self.asked("GET", urljoin(str(self.at), address), HERE))

    def send(self, **fields: str) -> None:
        """The form of this page, with these fields beside its hidden ones."""
        action = found[1] if (found := re.search(r'action="([^"]+)"', self.text)) else str(self.at)
        data = dict(FIELD.findall(self.text)) | fields
        origin = f"{self.at.scheme}://{self.at.netloc.decode()}"
        headers = {**HERE, "Origin": origin, "Sec-Fetch-Site": "same-origin"}
        self._came(self.asked("POST", urljoin(str(self.at), action), headers, data))

    def load(self, address: str, **headers: str) -> httpx.Response:
        """As a script of the page does."""
        return self.asked("GET", address, {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors", **headers})

    def asked(
        self, method: str, address: str, headers: dict[str, str], data: dict[str, str] | None = None
    ) -> httpx.Response:
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = self.client.request(method, address, data=data, headers={**headers, "Cookie": cookie})
        for line in answer.headers.get_list("set-cookie"):
            for name, one in SimpleCookie(line).items():
                self.cookies[name] = one.value
                if one["max-age"] == "0" or "1970" in one["expires"]:
                    del self.cookies[name]
        return answer

    def _came(self, answer: httpx.Response) -> None:
        while answer.next_request is not None:
            answer = self.asked("GET", str(answer.next_request.url), HERE)
        self.at, self.text, self.status = answer.url, answer.text, answer.status_code

    def sign_in(self, site: Site, who: str, name: str = "psc", next: str = "/") -> None:
        self.go(f"{site.origin}/sign-in?next={next}")
        (link,) = re.findall(rf'href="(/sign-in/{name}[^"]*)"', self.text)
        self.go(link)
        assert str(self.at).startswith(f"{site.issuer}/choose/"), self.text
        self.send(person=who)

    def choose(self, place: str) -> None:
        """From where they act."""
        assert self.at.path == "/sign-in/choose", self.text
        (which,) = re.findall(rf'<label for="which-(\d)">Hospital {place} ', self.text)
        self.send(which=which)


@pytest.fixture
def browser() -> Iterator[Browser]:
    with httpx.Client(trust_env=False, timeout=WITHIN_S) as client:
        yield Browser(client)


DOCTOR = f"f:development:8{CLINICIAN}"


def test_a_professional_signs_in_chooses_a_place_says_why_and_reads(site: Site, browser: Browser) -> None:
    browser.sign_in(site, DOCTOR, next=site.record.removeprefix(site.origin))
    browser.choose("CHS")
    assert browser.at.path == f"/why/{site.person}"
    before = site.world.head
    browser.send(reason="comparison with earlier exams")
    assert (str(browser.at), browser.status) == (site.record, 200)
    browser.go(site.record)
    for decided in recorded(site.world, before):
        told = [decided[name] for name in ("type", "actor", "site", "reason", "rule")]
        assert told == ["access.viewed", f"rpps:{CLINICIAN}", "CHS", "comparison with earlier exams", "X12"]
        assert decided["situation"] == "profession=10 sector=SA01 speciality=SM44"
    assert len(recorded(site.world, before)) == 2


def test_from_a_place_that_they_do_not_work_for_they_read_nothing(site: Site, browser: Browser) -> None:
    browser.sign_in(site, DOCTOR)
    browser.choose("CHT")
    assert browser.status == 200
    answer = browser.load(site.record, **{"Krypton-Reason": "care"})
    assert (answer.status_code, answer.json()["rule"]) == (403, "X2")


def test_what_is_being_sent_ends_when_the_session_ends_at_the_provider(
    site: Site, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "as_json", lambda _: StreamingResponse(endless()))
    browser.sign_in(site, DOCTOR)
    browser.choose("CHS")
    with begun(site, browser.cookies[SESSION]) as wire, begun(site, browser.cookies[SESSION]) as other:
        assert other.recv(65_536)
        browser.go(f"{site.issuer}/session/end")
        browser.send(logout="yes")
        assert browser.status == 200, browser.text
        for each in (wire, other):
            with suppress(ConnectionResetError):
                while each.recv(65_536):
                    pass
    assert browser.load(site.record, **{"Krypton-Reason": "care"}).status_code == 401


def begun(site: Site, cookie: str) -> socket.socket:
    """A connection on which a record that has no end is coming in."""
    url = httpx.URL(site.record)
    wire = socket.create_connection((url.host, url.port or 0), WITHIN_S)
    lines = (f"Host: {url.netloc.decode()}", f"Cookie: {SESSION}={cookie}", "Krypton-Reason: x")
    wire.sendall(request(f"GET {url.path} HTTP/1.1", *lines))
    assert wire.recv(65_536).startswith(b"HTTP/1.1 200")
    return wire


def test_who_signs_out_is_signed_out_at_the_provider_too(site: Site, browser: Browser) -> None:
    browser.sign_in(site, DOCTOR)
    browser.choose("CHS")
    held = browser.cookies[SESSION]
    browser.go("/sign-out")
    browser.send()
    assert str(browser.at).startswith(f"{site.issuer}/session/end")
    browser.send(logout="yes")
    assert str(browser.at).startswith(f"{site.origin}/signed-out")
    browser.cookies[SESSION] = held
    assert browser.load(site.record, **{"Krypton-Reason": "care"}).status_code == 401
    browser.go(f"{site.origin}/sign-in/psc")
    assert str(browser.at).startswith(f"{site.issuer}/choose/")


def test_staff_choose_a_role_and_who_has_none_is_told(site: Site, browser: Browser) -> None:
    browser.sign_in(site, "staff-essai", "staff")
    assert re.findall(r'label for="which-\d">([a-z:]+)<', browser.text) == people.ROLES["staff-essai"]


def test_a_patient_signs_in_as_who_carries_their_matricule_and_reads_their_own(site: Site, browser: Browser) -> None:
    """One in doubt may be another person's (I12): nobody reads that record by it."""
    browser.sign_in(site, "patient-essai", "ins")
    assert browser.status == 403
    assert "record here carries" in browser.text
    browser.go(f"{site.issuer}/session/end")
    browser.send(logout="yes")
    person = UUID(site.person)
    site.world.ask(AttachIns(identity=person, matricule=people.MATRICULE))
    site.world.ask(Flag(identity=person, flag="ins_replaced", reason="another card was shown"))
    site.world.settle()
    browser.sign_in(site, "patient-essai", "ins")
    assert browser.status == 403
    browser.go(f"{site.issuer}/session/end")
    browser.send(logout="yes")
    site.world.ask(ClearFlag(identity=person, flag="ins_replaced", reason="INSi knows it"))
    site.world.settle()
    browser.sign_in(site, "patient-essai", "ins", next=site.record.removeprefix(site.origin))
    before = site.world.head
    browser.send(reason="my own record")
    assert (str(browser.at), browser.status) == (site.record, 200)
    (decided,) = recorded(site.world, before)
    assert [decided[name] for name in ("actor", "site", "rule")] == [f"patient:{site.person}", None, "X13"]
    answer = browser.load(site.record.replace(site.person, site.world.register()), **{"Krypton-Reason": "curious"})
    assert (answer.status_code, answer.json()["rule"]) == (403, "X13")
