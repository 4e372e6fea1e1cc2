"""Writes the rows of ``identity.*`` events: what each assigner states about a person, and its history.

Values sealed under a destroyed key arrive as ``[erased]``; ``identity.erased`` blanks the row at once, so that a
rebuild gives the same row.
"""

from collections.abc import Callable, Collection
from typing import Any

from domain.traits import TRAITS
from projections.engine.projection import RowKey, Rows
from schemas.event import ERASED, LedgerEvent

NO_TRAITS = dict.fromkeys(TRAITS, ERASED)


def traits_of(sealed: Any) -> dict[str, Any]:
    """Traits by name; all ``[erased]`` if they can no longer be decrypted."""
    return NO_TRAITS if sealed == ERASED else sealed


def displayed(local_id: str, ordinal: int) -> str:
    """A local id as people read it: ``123``, ``123#2`` for the second person that the assigner gave it to."""
    return local_id if ordinal == 1 or local_id == ERASED else f"{local_id}#{ordinal}"


def _remember(event: LedgerEvent, rows: Rows, detail: dict[str, Any]) -> None:
    data = event.data
    rows.put(
        RowKey("identity_event", (event.position,)),
        {
            "identity_id": event.aggregate_id,
            "type": event.type,
            "actor": data["actor"],
            "recorded_at": data["recorded_at"],
            "reason": data.get("reason"),
            "detail": detail,
        },
    )


def _change(event: LedgerEvent, rows: Rows, **columns: Any) -> None:
    rows.change(RowKey("identity", (event.aggregate_id,)), last_position=event.position, **columns)


def _registered(event: LedgerEvent, rows: Rows) -> None:
    data = event.data
    rows.put(
        RowKey("identity", (event.aggregate_id,)),
        {
            "assigner": data["assigner"],
            "local_id": displayed(data["local_id"], data["ordinal"]),
            "ordinal": data["ordinal"],
            "traits": traits_of(data["traits"]),
            "status": "PROV",
            "flags": [],
            "source": data["source"],
            "ins": None,
            "ins_oid": None,
            "erased": False,
            "registered_position": event.position,
            "last_position": event.position,
        },
    )
    _remember(event, rows, {"source": data["source"]})


def _traits_corrected(event: LedgerEvent, rows: Rows) -> None:
    _change(event, rows, traits=traits_of(event.data["traits"]))
    _remember(event, rows, {"changed": event.data["changed"]})


def _status_changed(event: LedgerEvent, rows: Rows) -> None:
    _change(event, rows, status=event.data["status"])
    _remember(event, rows, {"status": event.data["status"]})


def _ins_attached(event: LedgerEvent, rows: Rows) -> None:
    data = event.data
    matricule = None if data["matricule"] == ERASED else data["matricule"]
    _change(event, rows, ins=matricule, ins_oid=data["oid"])
    _remember(event, rows, {"oid": data["oid"], "mode": data["mode"]})


def _ins_detached(event: LedgerEvent, rows: Rows) -> None:
    _change(event, rows, ins=None, ins_oid=None)
    _remember(event, rows, {})


def _flagged(event: LedgerEvent, rows: Rows) -> None:
    flag = event.data["flag"]
    _change(event, rows, flags=sorted({*_flags(event, rows), flag}))
    _remember(event, rows, {"flag": flag})


def _flag_cleared(event: LedgerEvent, rows: Rows) -> None:
    flag = event.data["flag"]
    _change(event, rows, flags=sorted({*_flags(event, rows)} - {flag}))
    _remember(event, rows, {"flag": flag})


def _flags(event: LedgerEvent, rows: Rows) -> list[str]:
    held = rows.get(RowKey("identity", (event.aggregate_id,)))
    return held["flags"] if held else []


def _seen(_: LedgerEvent, __: Rows) -> None:
    """It counts for retention, which the ledger decides."""


def _erased(event: LedgerEvent, rows: Rows) -> None:
    _change(event, rows, local_id=ERASED, traits=NO_TRAITS, ins=None, ins_oid=None, erased=True)
    _remember(event, rows, {})


WRITERS: dict[str, Callable[[LedgerEvent, Rows], None]] = {
    "identity.registered": _registered,
    "identity.traits_corrected": _traits_corrected,
    "identity.status_changed": _status_changed,
    "identity.ins_attached": _ins_attached,
    "identity.ins_detached": _ins_detached,
    "identity.flagged": _flagged,
    "identity.flag_cleared": _flag_cleared,
    "identity.seen": _seen,
    "identity.erased": _erased,
}
"""What writes the rows of each event type."""

SAID = ("actor", "recorded_at", "reason")
READS: dict[str, Collection[str]] = {
    "identity.registered": (*SAID, "assigner", "local_id", "ordinal", "traits", "source"),
    "identity.traits_corrected": (*SAID, "traits", "changed"),
    "identity.status_changed": (*SAID, "status"),
    "identity.ins_attached": (*SAID, "matricule", "oid", "mode"),
    "identity.ins_detached": SAID,
    "identity.flagged": (*SAID, "flag"),
    "identity.flag_cleared": (*SAID, "flag"),
    "identity.seen": (),
    "identity.erased": SAID,
}
