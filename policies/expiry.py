"""The expiry policy: records an event when a consent, one-time code or exam order runs out (C7, O10).

Each timer is set by the event that sets the end. Where that was used, taken back or done meanwhile, the ledger refuses;
where it was moved, or the clock was wrong, the ledger says when to ask again.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from domain.order_terms import MONTH, runs_out
from policies.policy import Due, Kind, Policy
from schemas.event import LedgerEvent


def _granted(event: LedgerEvent) -> Iterable[Due]:
    data = event.data
    if data["expires_at"] is not None:
        yield _at(data["expires_at"], "expire_consent", identity=data["identity_id"], statement=data["statement_id"])


def _code_issued(event: LedgerEvent) -> Iterable[Due]:
    data = event.data
    yield _at(data["expires_at"], "expire_code", identity=data["identity_id"], code=data["code_id"])


def _placed(event: LedgerEvent) -> Iterable[Due]:
    data = event.data
    yield _at(runs_out(data["recorded_at"], data["wanted_by"]), "expire_order", order=event.aggregate_id)


def _scheduled(event: LedgerEvent) -> Iterable[Due]:
    yield _at(event.data["at"] + MONTH, "expire_order", order=event.aggregate_id)


def _at(moment: int, does: str, **body: Any) -> Due:
    return Due(Kind.COMMAND, does, body, moment)


TIMERS: Mapping[str, Callable[[LedgerEvent], Iterable[Due]]] = {
    "consent.granted": _granted,
    "consent.code_issued": _code_issued,
    "order.placed": _placed,
    "order.scheduled": _scheduled,
}


class Expiry(Policy):
    """See the module."""

    name = "expiry"
    version = 1
    topics: tuple[str, ...] = ("krypton.consents", "krypton.orders")

    def react(self, event: LedgerEvent) -> Iterable[Due]:
        """See ``Policy``."""
        return tuple(TIMERS[event.type](event)) if event.type in TIMERS else ()
