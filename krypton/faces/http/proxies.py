"""Who asks, behind proxies: X-Forwarded-For and X-Forwarded-Proto are believed from the proxies named in settings.

From anybody else they are taken off, as if they had not been sent. What does not come over TLS is answered on this
machine alone, and only where no proxy sends it on: one that is trusted, or that says so in a header. A name in a
certificate is believed of the connection itself, never of a header.
"""

from collections.abc import Collection
from http import HTTPStatus
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from krypton.faces.http import exchange
from krypton.faces.http.problem import Problem

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address
FOR: Final = b"x-forwarded-for"
PROTO: Final = b"x-forwarded-proto"
SENT_ON: Final = (b"x-forwarded-", b"x-real-ip", b"forwarded", b"via")
"""Beginnings of headers by which a proxy says that it is one (RFC 9110 7.6.3, RFC 7239)."""
MOST_HOPS: Final = 10
IN_CLEAR: Final = "this is answered over TLS alone: ask with https"


class Forwarded:
    """ASGI middleware; ``trusted``: addresses and networks of the proxies."""

    def __init__(self, app: ASGIApp, trusted: Collection[Network]) -> None:
        self._app, self._trusted = app, trusted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI. Raises Problem 400, 403."""
        asked, headers = exchange.of(scope), scope["headers"]
        peer = address(asked.client)
        hops = [value for name, value in headers if name == FOR]
        sent_on = any(name.startswith(SENT_ON) for name, _ in headers)
        local = peer is not None and peer.is_loopback and not (sent_on or self._trusts(peer))
        if peer is not None and self._trusts(peer) and hops:
            client = self._client(hops)
            protocols = [value for name, value in headers if name == PROTO]
            asked.client = str(client)
            asked.secure = bool(protocols) and protocols[-1].split(b",")[-1].strip().lower() == b"https"
            asked.names, asked.thumbprint = frozenset(), ""  # the proxy's own certificate names the proxy
        scope["headers"] = [one for one in headers if not one[0].startswith(b"x-forwarded-") and one[0] != b"forwarded"]
        if not (asked.secure or local):
            raise Problem(HTTPStatus.FORBIDDEN, IN_CLEAR)
        await self._app(scope, receive, send)

    def _client(self, hops: Collection[bytes]) -> Address:
        """The last hop that no trusted proxy is: what stands before it, anybody could have written. Raises Problem."""
        said = b",".join(hops).split(b",")
        found = [address(one.strip().decode("latin-1")) for one in said[-MOST_HOPS:]]
        for one in reversed(found):
            if one is None:
                raise Problem(HTTPStatus.BAD_REQUEST, "X-Forwarded-For holds what is no address")
            if not self._trusts(one):
                return one
        assert found[0] is not None, "each was looked at"
        return found[0]

    def _trusts(self, one: Address) -> bool:
        return any(one in network for network in self._trusted)


def address(text: str) -> Address | None:
    """The address that a text is; one of IPv4 written as IPv6 is of IPv4. None where it is none."""
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def key_of(client: str) -> str:
    """What limits go by: an address, of IPv6 its /64, for one machine has all of that."""
    found = address(client)
    if isinstance(found, IPv6Address):
        return str(IPv6Network((found, 64), strict=False))
    return client
