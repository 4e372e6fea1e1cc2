"""ID tokens and logout tokens: a good one is believed, and each other is refused, whatever else it proves."""

import base64
import hashlib
import hmac
import json
from typing import Any, Final

import pytest
from joserfc.jwk import ECKey, KeySet, RSAKey

from adapters.oidc.tokens import LOGOUT, EndedThere, Expected, NotGood, OtherKey, ended, identified
from tests.fakes.openid import CLIENT, EXPECTED, ISSUER, KEY, KEYS, NONCE, OTHER, RPPS, id_claims, logout_claims, signed

NOW: Final = 1_800_000_000.0
ACCESS: Final = "fictitious-access"


def asked(token: str, keys: KeySet = KEYS, expected: Expected = EXPECTED) -> dict[str, Any]:
    return identified(token, keys, expected, nonce=NONCE, access=ACCESS, now=NOW)


def part(told: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(told).encode()).rstrip(b"=").decode()


def half(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:16]).rstrip(b"=").decode()


def test_a_good_id_token_is_believed() -> None:
    assert asked(signed(id_claims(NOW)))["sub"] == f"f:essai:8{RPPS}"
    assert asked(signed(id_claims(NOW, aud=[CLIENT])))
    assert asked(signed(id_claims(NOW, azp=None)))
    assert asked(signed(id_claims(NOW, at_hash=half(ACCESS))))


BAD: Final[dict[str, dict[str, Any]]] = {
    "another provider": {"iss": "https://other.example"},
    "a longer issuer": {"iss": f"{ISSUER}/"},
    "no issuer": {"iss": None},
    "another program": {"aud": "viewer"},
    "another program alone": {"aud": ["viewer"]},
    "no audience": {"aud": None},
    "an audience that is a mapping": {"aud": {CLIENT: True}},
    "several programs, given to none": {"aud": [CLIENT, "viewer"], "azp": None},
    "given to another program": {"aud": [CLIENT, "viewer"], "azp": "viewer"},
    "given to another, though for this one": {"azp": "viewer"},
    "over": {"exp": int(NOW) - 31},
    "no end": {"exp": None},
    "an end that is no number": {"exp": "2999"},
    "an end that is yes": {"exp": True},
    "made long ago": {"iat": int(NOW) - 631},
    "made in the future": {"iat": int(NOW) + 31},
    "no time": {"iat": None},
    "not yet good": {"nbf": int(NOW) + 31},
    "of another sign-in": {"nonce": "other"},
    "of no sign-in": {"nonce": None},
    "a nonce that is a list": {"nonce": [NONCE]},
    "a password alone": {"acr": "eidas0"},
    "no level": {"acr": None},
    "of nobody": {"sub": None},
    "of an empty name": {"sub": ""},
    "of a number": {"sub": 7},
    "with another access token": {"at_hash": half("other")},
}


@pytest.mark.parametrize("changed", BAD.values(), ids=BAD)
def test_an_id_token_that_says_anything_else_is_not(changed: dict[str, Any]) -> None:
    with pytest.raises(NotGood):
        asked(signed(id_claims(NOW, **changed)))


def test_one_that_is_not_signed_is_not_believed() -> None:
    for algorithm in ("none", "None", "NONE", ""):
        token = f"{part({'alg': algorithm, 'kid': 'one'})}.{part(id_claims(NOW))}."
        with pytest.raises(NotGood):
            asked(token)


@pytest.mark.parametrize("form", ["PEM", "DER"])
def test_one_that_is_signed_with_the_public_key_as_a_shared_secret_is_not(form: str) -> None:
    secret = KEY.as_pem(private=False) if form == "PEM" else KEY.as_der(private=False)
    for algorithm in ("HS256", "HS512"):
        head = f"{part({'alg': algorithm, 'kid': 'one', 'typ': 'JWT'})}.{part(id_claims(NOW))}"
        digest = hmac.digest(secret, head.encode(), algorithm.replace("HS", "sha"))
        with pytest.raises(NotGood):
            asked(f"{head}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}")


def test_one_that_brings_its_own_key_is_not() -> None:
    key = ECKey.generate_key("P-256")
    token = signed(id_claims(NOW), key, alg="ES256", kid="one", jwk=key.as_dict(private=False))  # type: ignore[arg-type]
    with pytest.raises(NotGood):
        asked(token)


def test_one_of_a_key_that_the_provider_does_not_have_says_so_that_it_may_be_looked_up() -> None:
    with pytest.raises(OtherKey):
        asked(signed(id_claims(NOW), OTHER))


def test_one_that_was_altered_or_is_none_is_not() -> None:
    head, body, signature = signed(id_claims(NOW)).split(".")
    other = part(id_claims(NOW, sub="f:essai:810101205671"))
    for token in (f"{head}.{other}.{signature}", f"{head}.{body}.", f"{head}.{body}", "", "a.b.c", "x" * 20_000):
        with pytest.raises(NotGood):
            asked(token)


def test_an_elliptic_key_of_the_provider_is_good_too() -> None:
    key = ECKey.generate_key("P-256", {"kid": "three", "use": "sig"})
    token = signed(id_claims(NOW), key, alg="ES256")  # type: ignore[arg-type]  # any key signs
    assert asked(token, KeySet([KEY, key]))


def test_where_no_level_is_asked_for_any_is_enough() -> None:
    assert asked(signed(id_claims(NOW, acr=None)), expected=Expected(ISSUER, CLIENT))


def told(token: str, keys: KeySet = KEYS) -> EndedThere:
    return ended(token, keys, EXPECTED, NOW)


def test_a_good_logout_token_says_which_session_ended() -> None:
    found = told(signed(logout_claims(NOW), typ="logout+jwt"))
    assert (found.id, found.subject, found.session) == (
        "fictitious-token-1",
        f"f:essai:8{RPPS}",
        "session-at-the-provider",
    )
    assert told(signed(logout_claims(NOW, sid=None))).session is None
    assert told(signed(logout_claims(NOW, sub=None))).subject is None


BAD_LOGOUTS: Final[dict[str, dict[str, Any]]] = {
    "an ID token": {"nonce": NONCE},
    "another provider": {"iss": "https://other.example"},
    "another program": {"aud": "viewer"},
    "made long ago": {"iat": int(NOW) - 151},
    "over": {"exp": int(NOW) - 31},
    "no end": {"exp": None},
    "without an id": {"jti": None},
    "an id that is a number": {"jti": 1},
    "of nobody": {"sub": None, "sid": None},
    "of a list": {"sub": ["a"]},
    "no event": {"events": None},
    "another event": {"events": {"https://schemas.example/other": {}}},
    "an event that is text": {"events": {LOGOUT: "yes"}},
    "a list of events": {"events": [LOGOUT]},
}


@pytest.mark.parametrize("changed", BAD_LOGOUTS.values(), ids=BAD_LOGOUTS)
def test_a_logout_token_that_says_anything_else_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(NotGood):
        told(signed(logout_claims(NOW, **changed)))


def test_a_logout_token_of_another_kind_or_key_is_refused() -> None:
    with pytest.raises(NotGood, match="another kind"):
        told(signed(logout_claims(NOW), typ="at+jwt"))
    with pytest.raises(OtherKey):
        told(signed(logout_claims(NOW), RSAKey.generate_key(2048, {"kid": "one"})))
