"""Who asks, behind proxies: only those in settings are believed, and nothing is answered in clear to a network."""

import asyncio
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from krypton.errors import SettingsWrong
from krypton.faces.http import exchange
from krypton.faces.http.exchange import Exchange
from krypton.faces.http.problem import Problem
from krypton.faces.http.proxies import Forwarded, key_of
from krypton.settings import Settings

PROXY, OTHER_PROXY, CLIENT, STRANGER = "10.0.0.7", "10.0.0.8", "192.0.2.9", "198.51.100.3"
BESIDE = "127.0.0.9"
"""A proxy on the service's own machine."""
TRUSTED = (ip_network("10.0.0.0/24"), ip_network("fd00::/64"), ip_network("127.0.0.9"))


def asked(peer: str, *headers: tuple[str, str], scheme: str = "http", names: tuple[str, ...] = ()) -> Exchange:
    """What the application learns of who asks. Raises Problem."""
    scope: Any = {
        "type": "http",
        "client": (peer, 40_000),
        "scheme": scheme,
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
        "state": {"names": frozenset(names)},
    }
    exchange.begin(scope, "a-request")
    seen: list[Any] = []

    async def app(scope: Any, _: Any, __: Any) -> None:
        seen.append(scope)

    asyncio.run(Forwarded(app, TRUSTED)(scope, None, None))  # type: ignore[arg-type]  # neither is used
    assert not [name for name, _ in seen[0]["headers"] if name.startswith((b"x-forwarded", b"forwarded"))]
    return exchange.of(seen[0])


def over_tls(*hops: str) -> tuple[tuple[str, str], ...]:
    return (("x-forwarded-for", ", ".join(hops)), ("x-forwarded-proto", "https"))


def test_a_trusted_proxy_says_who_asks_and_that_it_came_over_tls() -> None:
    found = asked(PROXY, *over_tls(CLIENT))
    assert (found.client, found.secure) == (CLIENT, True)
    assert asked("fd00::1", *over_tls("2001:db8::1")).client == "2001:db8::1"


def test_what_a_client_wrote_before_the_proxy_did_is_not_believed() -> None:
    assert asked(PROXY, *over_tls("127.0.0.1", "10.0.0.9", CLIENT)).client == CLIENT
    assert asked(PROXY, *over_tls(CLIENT, OTHER_PROXY)).client == CLIENT
    two = (("x-forwarded-for", "127.0.0.1"), ("x-forwarded-for", CLIENT), ("x-forwarded-proto", "https"))
    assert asked(PROXY, *two).client == CLIENT


def test_a_stranger_is_who_connects_whatever_the_headers_say() -> None:
    found = asked(STRANGER, *over_tls("127.0.0.1"), scheme="https")
    assert (found.client, found.secure) == (STRANGER, True)


@pytest.mark.parametrize(
    ("peer", "headers"),
    [
        (STRANGER, ()),
        (STRANGER, over_tls("127.0.0.1")),
        (PROXY, ()),
        (PROXY, (("x-forwarded-for", CLIENT),)),
        (PROXY, (("x-forwarded-for", CLIENT), ("x-forwarded-proto", "http"))),
        (PROXY, (("x-forwarded-for", "127.0.0.1"), ("x-forwarded-proto", "http"))),
        (PROXY, (("x-forwarded-for", CLIENT), ("x-forwarded-proto", "https, http"))),
        (PROXY, (("forwarded", f"for={CLIENT};proto=https"),)),
        (BESIDE, ()),
        (BESIDE, (("x-forwarded-for", CLIENT),)),
        ("127.0.0.1", over_tls(CLIENT)),
        ("127.0.0.1", (("x-real-ip", CLIENT),)),
        ("127.0.0.1", (("via", "1.1 proxy.example"),)),
        ("127.0.0.1", (("forwarded", f"for={CLIENT}"),)),
    ],
)
def test_what_did_not_come_over_tls_is_not_answered(peer: str, headers: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(Problem) as refused:
        asked(peer, *headers)
    assert refused.value.status == 403


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.9.9.8", "::1", "::ffff:127.0.0.1"])
def test_this_machine_may_ask_in_clear(peer: str) -> None:
    assert not asked(peer).secure


@pytest.mark.parametrize("hop", ["unknown", "", "1.2.3", "évil", "192.0.2.9:80"])
def test_a_hop_that_is_no_address_is_refused(hop: str) -> None:
    with pytest.raises(Problem) as refused:
        asked(PROXY, *over_tls(hop))
    assert refused.value.status == 400


def test_the_certificate_of_a_proxy_signs_nobody_in() -> None:
    assert asked(PROXY, *over_tls(CLIENT), names=("proxy.example",)).names == frozenset()
    assert asked(STRANGER, scheme="https", names=("pacs.example",)).names == {"pacs.example"}


def test_limits_go_by_address_and_of_ipv6_by_its_network() -> None:
    assert key_of("192.0.2.9") == "192.0.2.9"
    assert key_of("2001:db8::1") == key_of("2001:db8::ffff:1") != key_of("2001:db8:0:1::1")
    assert key_of("::ffff:192.0.2.9") == "::ffff:192.0.2.9"


def test_proxies_are_addresses_and_networks_of_the_settings(tmp_path: Path) -> None:
    given = Settings.read({"KRYPTON_WEB_PROXIES": "10.0.0.7, fd00::/64"}, tmp_path)
    assert given.web_proxies == (ip_network("10.0.0.7"), ip_network("fd00::/64"))
    for wrong in ("proxy.example", "10.0.0.7/8", "*", "10.0.0.7 10.0.0.8"):
        with pytest.raises(SettingsWrong, match="KRYPTON_WEB_PROXIES must be addresses or networks"):
            Settings.read({"KRYPTON_WEB_PROXIES": wrong}, tmp_path)
