"""A portal asks for a professional: by its certificate, and by their token, about which the provider is asked."""

import asyncio
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from adapters.oidc.introspection import Introspection, ProviderAway
from krypton.errors import SettingsWrong
from krypton.faces.http import issued
from krypton.faces.http.accounts import Accounts
from krypton.faces.http.delegated import Delegated
from krypton.faces.http.problem import Problem
from krypton.faces.http.signing_in import Authenticator, Shown, SignedIn, signed_in
from krypton.faces.http.workers import Workers
from krypton.services.web import built, tokens
from krypton.settings import Settings
from tests.fakes.certificates import Authority, Issued
from tests.fakes.private import private
from tests.fakes.psc import CLIENT, RPPS, SECRET, Provider, introspected, provider
from tests.fakes.web import DOCTOR, TOKEN, WHY, Queries, account, accounts_file, digest
from tests.unit.test_http_server import encrypted, get, trusting

PORTAL, ITS_CLIENT, THUMBPRINT = "portal.chb.example", "chb-portal", "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"
ACCESS = "eyJhbGciOiJSUzI1NiJ9.fictitious-access-token.signature"
NOW = 2_000_000_000.0


def portal(name: str = "chb", certificate: str = PORTAL, client: str = ITS_CLIENT, until: str = "2999-12-31") -> str:
    """A table of the accounts file."""
    return f'[portals.{name}]\ncertificate = "{certificate}"\nclient = "{client}"\nuntil = {until}\n'


@pytest.fixture
def psc() -> Iterator[Provider]:
    with provider() as made:
        made.tokens[ACCESS] = introspected(ITS_CLIENT)
        yield made


@pytest.fixture
def workers() -> Iterator[Workers]:
    made = Workers(1, 10)
    yield made
    made.close()


@pytest.fixture
def ways(tmp_path: Path, psc: Provider, workers: Workers) -> list[Any]:
    """As the service has them: a portal's professionals, then accounts."""
    file = accounts_file(tmp_path, portal(), account("program", "operator:one", token=digest(TOKEN)))
    accounts = Accounts(file, tmp_path, lambda: date(2027, 1, 5))
    return [Delegated(accounts, Introspection(psc.url, CLIENT, SECRET), workers, lambda: NOW), accounts]


def shown(token: str = ACCESS, *names: str, site: str = "", thumbprint: str = THUMBPRINT) -> Shown:
    return Shown(frozenset(names or (PORTAL,)), thumbprint=thumbprint, authorization=f"Bearer {token}", site=site)


def who(ways: list[Any], what: Shown) -> SignedIn:
    """Who signs in. Raises Problem."""
    return asyncio.run(signed_in(ways, what))


def status(ways: list[Any], what: Shown) -> int:
    with pytest.raises(Problem) as refused:
        who(ways, what)
    return refused.value.status


def test_a_professional_signs_in_by_a_portals_certificate_and_their_own_token(ways: list[Any], psc: Provider) -> None:
    assert who(ways, shown()) == SignedIn(DOCTOR, None, f"portal chb {RPPS}")
    assert who(ways, shown(site="CHB")).site == "CHB"
    assert psc.asked == [ACCESS, ACCESS]


def test_a_token_that_is_revoked_is_out_with_the_next_request(ways: list[Any], psc: Provider) -> None:
    who(ways, shown())
    psc.tokens[ACCESS]["active"] = False
    assert status(ways, shown()) == 401
    del psc.tokens[ACCESS]
    assert status(ways, shown()) == 401


REFUSED: dict[str, dict[str, Any]] = {
    "another portal's": {"client_id": "other", "azp": "other"},
    "another portal's by azp": {"azp": "other"},
    "no client's": {"client_id": None, "azp": None},
    "a lower level": {"acr": "eidas0"},
    "no level": {"acr": None},
    "run out": {"exp": int(NOW)},
    "without an end": {"exp": None},
    "an end that is no number": {"exp": "4000000000"},
    "active in words": {"active": "true"},
    "bound to another certificate": {"cnf": {"x5t#S256": "x" * 43}},
    "bound to nothing known": {"cnf": {"jkt": "x"}},
    "bound to what is none": {"cnf": "x"},
}


@pytest.mark.parametrize("changed", REFUSED.values(), ids=REFUSED)
def test_a_token_that_does_not_fit_is_refused(ways: list[Any], psc: Provider, changed: dict[str, Any]) -> None:
    psc.tokens[ACCESS] = introspected(ITS_CLIENT, **changed)
    assert status(ways, shown()) == 401


def test_a_token_that_is_bound_is_good_with_its_certificate(ways: list[Any], psc: Provider) -> None:
    psc.tokens[ACCESS] = introspected(ITS_CLIENT, cnf={"x5t#S256": THUMBPRINT})
    assert who(ways, shown()).actor == DOCTOR
    assert status(ways, shown(thumbprint="")) == 401


@pytest.mark.parametrize("subject", [None, f"0{RPPS}", RPPS, f"8{RPPS}0", ["8"], "8" + "x" * 11, f"8{RPPS}\n"])
def test_who_has_no_rpps_number_is_nobody_here(ways: list[Any], psc: Provider, subject: Any) -> None:
    psc.tokens[ACCESS] = introspected(ITS_CLIENT, SubjectNameID=subject)
    assert status(ways, shown()) == 403


@pytest.mark.parametrize("site", ["chb", "C", "CHB ", "X" * 17])
def test_a_place_that_is_none_is_refused(ways: list[Any], site: str) -> None:
    assert status(ways, shown(site=site)) == 400


def test_the_provider_is_not_asked_about_what_is_no_token_nor_by_whom_it_does_not_know(
    ways: list[Any], psc: Provider
) -> None:
    for what in (shown("short"), shown("a b c" * 10), shown("x" * 9_000), Shown(frozenset({PORTAL}))):
        assert status(ways, what) == 401
    assert status(ways, shown(ACCESS, "other.example")) == 401
    assert who(ways, shown(TOKEN, "other.example")).actor == "operator:one"
    assert psc.asked == []


def test_what_somebody_began_through_a_portal_ends_with_it(tmp_path: Path, ways: list[Any]) -> None:
    """A link to the viewer is looked at by this, and lasts for hours."""
    accounts, key = ways[1], who(ways, shown()).key
    assert accounts.still(key)
    for stated in (portal("chp", "other.example"), portal(until="2027-01-04")):
        accounts_file(tmp_path, stated)
        assert not accounts.still(key)
    accounts_file(tmp_path, portal())
    assert accounts.still(key)


def test_a_portal_is_out_after_its_last_day(tmp_path: Path, psc: Provider, workers: Workers) -> None:
    accounts = Accounts(accounts_file(tmp_path, portal(until="2027-01-04")), tmp_path, lambda: date(2027, 1, 5))
    made = Delegated(accounts, Introspection(psc.url, CLIENT, SECRET), workers, lambda: NOW)
    assert status([made, accounts], shown()) == 401
    assert psc.asked == []


@pytest.mark.parametrize(
    "broken", [(500, b"{}"), (401, b"{}"), (302, b""), (200, b"["), (200, b"[]"), (200, b"\xff"), (200, b"[" * 100_000)]
)
def test_a_provider_that_does_not_answer_lets_nobody_in_and_is_named_in_the_log_without_the_token(
    ways: list[Any], psc: Provider, caplog: pytest.LogCaptureFixture, broken: tuple[int, bytes]
) -> None:
    psc.broken = broken
    assert status(ways, shown()) == 503
    assert "the provider of tokens" in caplog.text
    assert not {ACCESS, SECRET} & {*caplog.text.split()}


def test_a_provider_that_is_not_there_is_away() -> None:
    with pytest.raises(ProviderAway, match="does not answer"):
        Introspection("http://127.0.0.1:9/introspect", CLIENT, SECRET, timeout_s=1.0).told(ACCESS)


def test_a_portal_that_makes_no_sense_stops_the_start(tmp_path: Path) -> None:
    for text, said in (
        (portal().replace("client", "clients"), "and nothing else"),
        (portal(client=""), "are texts"),
        (portal(until='"2027-01-04"'), "until is its last day"),
        (portal() + portal("other"), "the same certificate"),
        (portal() + account("a", "operator:one", certificate=PORTAL), "the same certificate"),
    ):
        with pytest.raises(SettingsWrong, match=said):
            Accounts(accounts_file(tmp_path, text), tmp_path)


def settings(folder: Path, **given: object) -> Settings:
    return Settings.read({f"KRYPTON_WEB_TOKENS_{name.upper()}": str(value) for name, value in given.items()}, folder)


def test_the_provider_is_named_whole_or_not_at_all_and_asked_over_tls(tmp_path: Path) -> None:
    secret = private(tmp_path / "secret", f"{SECRET}\n")
    whole = {"url": "https://auth.example/introspect", "client": CLIENT, "secret_file": secret}
    made = tokens(settings(tmp_path, **whole))
    assert made == Introspection("https://auth.example/introspect", CLIENT, SECRET)
    assert tokens(settings(tmp_path)) is None
    assert SECRET not in repr(made)
    secret.chmod(0o644)
    with pytest.raises(SettingsWrong, match="chmod 640"):
        tokens(settings(tmp_path, **whole))
    secret.chmod(0o600)
    for name in whole:
        with pytest.raises(SettingsWrong, match=f"KRYPTON_WEB_TOKENS_{name.upper()}"):
            settings(tmp_path, **{other: value for other, value in whole.items() if other != name})
    with pytest.raises(SettingsWrong, match="https"):
        settings(tmp_path, **whole | {"url": "http://auth.example/introspect"})


def test_over_tls_a_portal_asks_under_the_professionals_name_and_with_its_own_certificate_alone(
    tmp_path: Path, psc: Provider, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder := tmp_path / "certificates").mkdir()
    authority, queries = Authority(folder), Queries()
    queries.install(monkeypatch)
    own, its_own, other = (authority.issue(name) for name in ("krypton", PORTAL, "other.example"))
    psc.tokens[ACCESS] = introspected(ITS_CLIENT, cnf={"x5t#S256": thumbprint(its_own)})
    accounts = Accounts(accounts_file(tmp_path, portal(), portal("other", "other.example")), tmp_path)
    ways: list[Authenticator] = [
        Delegated(accounts, Introspection(psc.url, CLIENT, SECRET), workers, lambda: NOW),
        accounts,
    ]
    headers = {"Authorization": f"Bearer {ACCESS}", "Krypton-Site": "CHB", **WHY}
    with encrypted(own, authority, ways) as port:
        assert get(port, headers=headers, verify=trusting(authority, its_own)).status_code == 200
        assert get(port, headers=headers, verify=trusting(authority, other)).status_code == 401
        assert get(port, headers=headers, verify=trusting(authority)).status_code == 401
        assert get(port, headers=WHY, verify=trusting(authority, its_own)).status_code == 401
    ((_, caller, _),) = queries.asked
    assert (caller.actor, caller.site) == (DOCTOR, "CHB")


def thumbprint(issued: Issued) -> str:
    """As a token names a certificate (RFC 8705)."""
    certificate = x509.load_pem_x509_certificate(issued.certificate.read_bytes())
    return urlsafe_b64encode(certificate.fingerprint(hashes.SHA256())).decode().rstrip("=")


def test_the_service_asks_a_provider_where_one_is_set_before_it_looks_at_accounts(tmp_path: Path) -> None:
    secret = private(tmp_path / "secret", SECRET)
    given = settings(tmp_path, url="https://auth.example/introspect", client=CLIENT, secret_file=secret)
    for stated, kinds in (
        (given, [issued.Issued, Delegated, Accounts]),
        (settings(tmp_path), [issued.Issued, Accounts]),
    ):
        away = SimpleNamespace(database="postgresql://127.0.0.1:1/none")
        ours: Any = SimpleNamespace(settings=stated, pool=1, addresses=away, secret=lambda _: bytes(32))
        with closing(built(ours)) as web:
            assert [type(way) for way in web.router.routes[0].endpoint.doors.ways] == kinds  # type: ignore[attr-defined]
