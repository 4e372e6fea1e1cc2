"""The lookup ``priors``: which appointments are at an establishment that wants priors; see ``policies.priors``."""

from collections.abc import Sequence
from typing import Any

from adapters.outbox.outbox import Entry
from domain.aggregates.establishment import Establishment
from domain.work import Work
from krypton.bootstrap import Krypton
from krypton.policies.looker import Found, Lookup
from policies.policy import Due, Kind
from policies.priors import ASK, SEND, SERVICE


def lookups(ours: Krypton) -> dict[str, Lookup]:
    """By name."""

    def wanted(entries: Sequence[Entry]) -> Found:
        sites = {entry.body["site"] for entry in entries}
        active = {site for site in sites if _wants(ours, site)}
        return {entry.id: [(0, _send(entry.body))] if entry.body["site"] in active else [] for entry in entries}

    return {ASK: wanted}


def _wants(ours: Krypton, site: str) -> bool:
    found = Work(ours.ledger).find(Establishment, Establishment.create_id(site))
    return found is not None and SERVICE in found.services


def _send(body: dict[str, Any]) -> Due:
    return Due(Kind.LOOKUP, SEND, body)
