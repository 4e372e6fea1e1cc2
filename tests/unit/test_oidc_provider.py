"""A provider of sign-in is asked as OpenID Connect has it; what it answers is believed only where all of it fits."""

from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import pytest

from adapters.oidc.asking import Refused
from adapters.oidc.introspection import ProviderAway
from adapters.oidc.provider import Identified, Provider
from adapters.oidc.tokens import NotGood
from tests.fakes.openid import CLIENT, KEY, NONCE, OTHER, RPPS, logout_claims, signed
from tests.fakes.openid_server import SUBJECT, Answers, answering

NOW: Final = 1_800_000_000.0
BACK: Final = "https://krypton.example/sign-in/back/psc"
VERIFIER: Final = "fictitious-verifier-of-a-test-0123456789-abcdef"
DESCRIBED: Final = "/.well-known/openid-configuration"


@dataclass
class World:
    answers: Answers
    provider: Provider
    time: list[float]

    def identified(self) -> Identified:
        return self.provider.identified("fictitious-code", nonce=NONCE, verifier=VERIFIER)


@pytest.fixture
def world() -> Iterator[World]:
    time = [NOW]
    with answering() as answers:
        answers.good(NOW)
        made = Provider(answers.url, CLIENT, "secret/+%", "openid scope_all", ("eidas1",), BACK, now=lambda: time[0])
        yield World(answers, made, time)


def test_a_browser_is_sent_there_with_all_that_ties_the_answer_to_it(world: World) -> None:
    address = urlsplit(world.provider.begin(state="a state", nonce="a nonce", verifier=VERIFIER))
    assert f"{address.scheme}://{address.netloc}{address.path}" == f"{world.answers.url}/authorization"
    assert {name: value for name, (value,) in parse_qs(address.query).items()} == {
        "response_type": "code",
        "client_id": CLIENT,
        "redirect_uri": BACK,
        "scope": "openid scope_all",
        "state": "a state",
        "nonce": "a nonce",
        "acr_values": "eidas1",
        "code_challenge": urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }


def test_who_comes_back_is_told_by_the_id_token_introspection_and_userinfo(world: World) -> None:
    who = world.identified()
    assert (who.claims["sub"], who.told["SubjectNameID"]) == (SUBJECT, f"8{RPPS}")
    assert who.shown["SubjectRefPro"]["exercices"][0]["activities"]
    assert (who.tokens.access, who.tokens.refresh, who.tokens.until) == (
        "fictitious-access",
        "fictitious-refresh",
        NOW + 120,
    )
    (sent,) = world.answers.bodies("/token")
    assert sent == {
        "grant_type": ["authorization_code"],
        "code": ["fictitious-code"],
        "redirect_uri": [BACK],
        "code_verifier": [VERIFIER],
    }
    headers = {path: headers for path, headers, _ in world.answers.asked}
    assert headers["/token"]["Authorization"].startswith("Basic ")
    assert headers["/userinfo"]["Authorization"] == "Bearer fictitious-access"


WRONG: Final[dict[str, tuple[str, int, Any]]] = {
    "an inactive token": ("/introspection", 200, {"active": False}),
    "a token of another program": ("/introspection", 200, {"active": True, "client_id": "viewer", "acr": "eidas1"}),
    "a token given to another": ("/introspection", 200, {"active": True, "azp": "viewer", "acr": "eidas1"}),
    "a lower level": ("/introspection", 200, {"active": True, "client_id": CLIENT, "acr": "eidas0"}),
    "somebody else": ("/userinfo", 200, {"sub": "another"}),
    "nobody": ("/userinfo", 200, {}),
    "a code that is no good": ("/token", 400, {"error": "invalid_grant"}),
    "a token that is no good": ("/userinfo", 401, {"error": "invalid_token"}),
    "a program that is not known": ("/token", 401, {"error": "invalid_client"}),
    "a way elsewhere": ("/token", 302, {}),
    "no JSON": ("/token", 200, b"<html>"),
    "a list": ("/token", 200, b"[]"),
    "depth": ("/token", 200, b"[" * 100_000),
    "too much": ("/token", 200, b" " * 300_000),
    "an error": ("/userinfo", 500, {}),
    "no token": ("/token", 200, {"token_type": "Bearer"}),
    "a token of another kind": ("/token", 200, {"access_token": "a", "token_type": "mac"}),
    "no ID token": ("/token", 200, {"access_token": "a", "token_type": "bearer"}),
    "a time that is none": ("/token", 200, {"access_token": "a", "token_type": "bearer", "expires_in": "x"}),
    "no keys": ("/jwks", 200, {"keys": []}),
    "keys that are none": ("/jwks", 200, {"keys": [{"kty": "RSA"}]}),
    "keys that are a text": ("/jwks", 200, {"keys": "x"}),
    "another provider's description": (DESCRIBED, 200, {"issuer": "https://other.example"}),
    "no description": (DESCRIBED, 404, {}),
}


@pytest.mark.parametrize(("path", "status", "told"), WRONG.values(), ids=WRONG)
def test_what_does_not_fit_signs_nobody_in(world: World, path: str, status: int, told: Any) -> None:
    world.answers.told[path] = status, told
    with pytest.raises((NotGood, Refused, ProviderAway)) as raised:
        world.identified()
    assert "fictitious" not in str(raised.value)
    assert not [path for path, _, _ in world.answers.asked if path == "/elsewhere"]


def test_a_description_that_leads_to_a_place_in_clear_is_not_followed(world: World) -> None:
    _, told = world.answers.told[DESCRIBED]
    for name in ("token_endpoint", "jwks_uri", "userinfo_endpoint", "introspection_endpoint"):
        world.answers.told[DESCRIBED] = 200, told | {name: "http://provider.example/there"}
        with pytest.raises(ProviderAway, match="in clear"):
            world.identified()


def test_no_secret_that_both_know_signs_for_the_provider(world: World) -> None:
    oct_key = {"kty": "oct", "k": "c2VjcmV0", "kid": "one", "use": "sig"}
    world.answers.told["/jwks"] = 200, {"keys": [oct_key]}
    with pytest.raises((NotGood, ProviderAway)):
        world.identified()


def test_a_provider_that_signs_with_a_new_key_is_asked_for_its_keys_again_and_not_for_each_forged_token(
    world: World,
) -> None:
    world.identified()
    forged = signed(logout_claims(NOW, iss=world.answers.url), OTHER)
    for _ in range(5):
        with pytest.raises(NotGood):
            world.provider.ended(forged)
    assert keys_asked(world) == 1
    world.time[0] += 11
    world.answers.told["/jwks"] = 200, {"keys": [one.as_dict(private=False) for one in (KEY, OTHER)]}
    assert world.provider.ended(forged).subject == SUBJECT
    assert keys_asked(world) == 2


def keys_asked(world: World) -> int:
    return len([path for path, _, _ in world.answers.asked if path == "/jwks"])


def test_the_provider_describes_itself_once_an_hour(world: World) -> None:
    for _ in range(3):
        world.provider.begin(state="s", nonce="n", verifier=VERIFIER)
    assert [path for path, _, _ in world.answers.asked] == [DESCRIBED]
    world.time[0] += 3_601
    world.provider.begin(state="s", nonce="n", verifier=VERIFIER)
    assert [path for path, _, _ in world.answers.asked] == [DESCRIBED] * 2


def test_tokens_are_renewed_and_the_refresh_token_stays_where_none_is_given(world: World) -> None:
    assert world.provider.renewed("first").refresh == "fictitious-refresh"
    world.answers.told["/token"] = 200, {"access_token": "second", "token_type": "Bearer", "expires_in": 60}
    found = world.provider.renewed("first")
    assert (found.access, found.refresh, found.until) == ("second", "first", NOW + 60)


@pytest.mark.parametrize(
    ("status", "error", "raised"),
    [
        (400, "invalid_grant", Refused),
        (401, "invalid_client", ProviderAway),
        (400, "invalid_request", ProviderAway),
        (503, "", ProviderAway),
    ],
)
def test_only_a_token_that_is_held_to_be_no_good_says_that_the_session_is_over(
    world: World, status: int, error: str, raised: type[Exception]
) -> None:
    """Not our own secret that has run out, nor a provider in trouble: nobody is signed out by these."""
    world.answers.told["/token"] = status, {"error": error}
    with pytest.raises(raised):
        world.provider.renewed("first")


def test_who_signs_out_is_led_to_the_provider_which_knows_its_session_again(world: World) -> None:
    address = world.provider.leave("an-id-token", "https://krypton.example/signed-out", "a state")
    assert address is not None
    assert address.startswith(f"{world.answers.url}/end_session?")
    told = parse_qs(urlsplit(address).query)
    assert (told["id_token_hint"], told["post_logout_redirect_uri"]) == (
        ["an-id-token"],
        ["https://krypton.example/signed-out"],
    )
    _, described = world.answers.told[DESCRIBED]
    del described["end_session_endpoint"]
    world.time[0] += 3_601
    assert world.provider.leave("an-id-token", "https://krypton.example/signed-out", "a state") is None


def test_where_it_does_not_answer_that_is_said(world: World) -> None:
    gone = Provider("http://127.0.0.1:1", CLIENT, "secret", "openid", (), BACK)
    with pytest.raises(ProviderAway, match="does not answer"):
        gone.begin(state="s", nonce="n", verifier=VERIFIER)


def test_its_secret_is_in_no_text(world: World) -> None:
    assert "secret/+%" not in repr(world.provider)
