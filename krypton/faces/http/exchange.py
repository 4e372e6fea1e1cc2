"""What is known of one request while it is answered: kept beside it in the ASGI scope, and seen by every layer."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.types import Scope

from krypton.queries.gate import Recorded

NAME: Final = "exchange"


@dataclass
class Exchange:
    """One request and its answer.

    ``client``: the address of who asks, behind proxies that are trusted; ``secure``: it came over TLS; ``names``,
    ``thumbprint``: of the client's certificate, which was verified; ``abort`` ends the connection at once;
    ``decided``: the gate's decisions on it; ``status``: of the answer, once it has begun; ``cut``: it was ended, for
    what was decided does not stand any more.
    """

    id: str
    client: str = ""
    secure: bool = False
    names: frozenset[str] = frozenset()
    thumbprint: str = ""
    abort: Callable[[], None] = lambda: None
    decided: list[Recorded] = field(default_factory=list)
    cut: bool = False
    status: int | None = None

    def end(self) -> None:
        """End the answer, for what it rests on has ended."""
        self.cut = True
        self.abort()


def of(scope: Scope) -> Exchange:
    """The exchange of a request."""
    found: Exchange = scope["state"][NAME]
    return found


def begin(scope: Scope, request_id: str) -> Exchange:
    """The exchange of a new request, put beside it. The server tells of the connection (``services.http``)."""
    state: dict[str, Any] = scope.setdefault("state", {})
    peer = scope.get("client") or ("", 0)
    made = Exchange(request_id, peer[0], scope.get("scheme") == "https")
    made.names, made.abort = state.get("names", made.names), state.get("abort", made.abort)
    made.thumbprint = state.get("thumbprint", "")
    state[NAME] = made
    return made
