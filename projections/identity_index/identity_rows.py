"""Writes the rows of ``identity.*`` events: what each assigner states about a person, and its history.

Values sealed under a destroyed key arrive as ``[erased]``; ``identity.erased`` blanks the row at once, so that a
rebuild gives the same row.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from domain.times import iso
from domain.traits import TRAITS
from domain.worklist import INS_REPLACED, kind_of
from projections.engine.projection import RowKey, Rows
from projections.identity_index.name_rows import columns, with_names
from schemas.event import ERASED, LedgerEvent

NO_TRAITS = dict.fromkeys(TRAITS, ERASED)
DEFERS = {"identity.postponed": "until", "identity.assigned": "assigned_to"}
"""What each says of what waits alone."""


def traits_of(sealed: Any) -> dict[str, Any]:
    """Traits by name; all ``[erased]`` if they can no longer be decrypted."""
    return NO_TRAITS if sealed == ERASED else sealed


def displayed(local_id: str, ordinal: int) -> str:
    """A local id as people read it: ``123``, ``123#2`` for the second person that the assigner gave it to."""
    return local_id if ordinal == 1 or local_id == ERASED else f"{local_id}#{ordinal}"


def _remember(event: LedgerEvent, rows: Rows, detail: dict[str, Any], other: str | None = None) -> None:
    data = event.data
    rows.put(
        RowKey("identity_event", (event.position,)),
        {
            "identity_id": event.aggregate_id,
            "type": event.type,
            "actor": data["actor"],
            "recorded_at": data["recorded_at"],
            "other_id": other,
            "reason": data.get("reason"),
            "detail": detail,
        },
    )


def _change(event: LedgerEvent, rows: Rows, **columns: Any) -> None:
    rows.change(RowKey("identity", (event.aggregate_id,)), last_position=event.position, **columns)


def _registered(event: LedgerEvent, rows: Rows) -> None:
    data = event.data
    traits = traits_of(data["traits"])
    rows.put(
        RowKey("identity", (event.aggregate_id,)),
        {
            "assigner": data["assigner"],
            "local_id": displayed(data["local_id"], data["ordinal"]),
            "ordinal": data["ordinal"],
            "traits": traits,
            **columns(traits),
            "status": "PROV",
            "flags": [],
            "deferred": {},
            "source": data["source"],
            "ins": None,
            "ins_oid": None,
            "erased": False,
            "registered_position": event.position,
            "last_position": event.position,
            "replaced": None,
        },
    )
    _remember(event, rows, {"source": data["source"]})


def _traits_corrected(event: LedgerEvent, rows: Rows) -> None:
    traits = traits_of(event.data["traits"])
    _change(event, rows, traits=traits, **columns(traits))
    _remember(event, rows, {"changed": event.data["changed"]})


def _status_changed(event: LedgerEvent, rows: Rows) -> None:
    _change(event, rows, status=event.data["status"])
    _remember(event, rows, {"status": event.data["status"]})


def _ins_attached(event: LedgerEvent, rows: Rows) -> None:
    data = event.data
    matricule = None if data["matricule"] == ERASED else data["matricule"]
    now = {"matricule": matricule, "oid": data["oid"]}
    before = {"matricule": _held(event, rows, "ins", None), "oid": _held(event, rows, "ins_oid", None)}
    if before["matricule"] and before != now:
        _change(event, rows, deferred=_asked_afresh(event, rows, INS_REPLACED))  # also where the flag stands already
    _change(event, rows, ins=matricule, ins_oid=data["oid"], replaced=_replaced(event, rows, before, now))
    _remember(event, rows, {"oid": data["oid"], "mode": data["mode"]})


def _replaced(
    event: LedgerEvent, rows: Rows, before: Mapping[str, Any], now: Mapping[str, Any]
) -> list[Mapping[str, Any]] | None:
    """The matricules that it had since the last was settled, and has no more."""
    if not before["matricule"]:
        return None
    return [one for one in (*(_held(event, rows, "replaced", None) or ()), before) if one != now] or None


def _ins_detached(event: LedgerEvent, rows: Rows) -> None:
    _change(event, rows, ins=None, ins_oid=None, replaced=None)
    _remember(event, rows, {})


def _flagged(event: LedgerEvent, rows: Rows) -> None:
    flag = event.data["flag"]
    flags = sorted({*_held(event, rows, "flags", []), flag})
    _change(event, rows, flags=flags, deferred=_asked_afresh(event, rows, flag))
    _remember(event, rows, {"flag": flag})


def _flag_cleared(event: LedgerEvent, rows: Rows) -> None:
    flag = event.data["flag"]
    flags = sorted({*_held(event, rows, "flags", [])} - {flag})
    _change(event, rows, flags=flags, deferred=_asked_afresh(event, rows, flag))
    if flag == INS_REPLACED:
        _change(event, rows, replaced=None)
    _remember(event, rows, {"flag": flag})


def _asked_afresh(event: LedgerEvent, rows: Rows, flag: str) -> dict[str, Any]:
    """What is put off of it, without what waits for that flag: a decision or another question ends it."""
    kind = kind_of(flag)
    return {one: said for one, said in _held(event, rows, "deferred", {}).items() if one != kind}


def _deferred(event: LedgerEvent, rows: Rows) -> None:
    """It only changes when what waits is on the worklist, and whose it is."""
    kind, name = event.data["waits_as"], DEFERS[event.type]
    said = {name: event.data.get(name)}
    held = _held(event, rows, "deferred", {})
    _change(event, rows, deferred={**held, kind: {**held.get(kind, {}), **said}})
    _remember(event, rows, {"waits_as": kind, **(said if name == "assigned_to" else {name: iso(said[name])})})


def _held(event: LedgerEvent, rows: Rows, column: str, otherwise: Any) -> Any:
    held = rows.get(RowKey("identity", (event.aggregate_id,)))
    return held[column] if held else otherwise


def _seen(_: LedgerEvent, __: Rows) -> None:
    """It counts for retention, which the ledger decides."""


def _split_off(event: LedgerEvent, rows: Rows) -> None:
    _change(event, rows)
    data = event.data
    _remember(event, rows, {name: len(data[name]) for name in ("studies", "orders")}, data["from_identity_id"])


def _split_undone(event: LedgerEvent, rows: Rows) -> None:
    _change(event, rows)
    _remember(event, rows, {"emptied": event.data["emptied"]}, event.data["from_identity_id"])


def _erased(event: LedgerEvent, rows: Rows) -> None:
    without: dict[str, Any] = {"ins": None, "ins_oid": None, "replaced": None, "deferred": {}}
    _change(event, rows, local_id=ERASED, traits=NO_TRAITS, **columns({}), **without, erased=True)
    _remember(event, rows, {})


WRITERS: dict[str, Callable[[LedgerEvent, Rows], None]] = {
    "identity.registered": with_names(_registered),
    "identity.traits_corrected": with_names(_traits_corrected),
    "identity.status_changed": _status_changed,
    "identity.ins_attached": _ins_attached,
    "identity.ins_detached": _ins_detached,
    "identity.flagged": _flagged,
    "identity.flag_cleared": _flag_cleared,
    "identity.postponed": _deferred,
    "identity.assigned": _deferred,
    "identity.seen": _seen,
    "identity.split_off": _split_off,
    "identity.split_undone": _split_undone,
    "identity.erased": with_names(_erased),
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
    "identity.postponed": (*SAID, "waits_as", "until"),
    "identity.assigned": (*SAID, "waits_as", "assigned_to"),
    "identity.seen": (),
    "identity.split_off": (*SAID, "from_identity_id", "studies", "orders"),
    "identity.split_undone": (*SAID, "from_identity_id", "emptied"),
    "identity.erased": SAID,
}
