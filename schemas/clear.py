"""Lists what stands in clear in events, each with the reason: whatever is not listed here has to be sealed.

Events lie on topics that others subscribe to, in backups, and for ever. A field stands in clear only where somebody
who may see no person needs it. A test walks all schemas; ``docs/security.md`` shows the table.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from schemas.registry import Schema


class Kind(NamedTuple):
    """Fields that stand in clear for one reason. ``fields``: names; those within a record by ``record.field``."""

    name: str
    reason: str
    fields: tuple[str, ...]


KINDS: Final = (
    Kind(
        "ids",
        "tell nothing by themselves: random, or made with the region's secret",
        (
            *("access_id", "alert_id", "caller_id", "code_id", "command_id", "conflict_id", "consent_id"),
            *("consenting_id", "correlation_id", "decision_id", "dose_id", "entry_id", "erasure_id"),
            *("establishment_id", "from_identity_id", "from_statement_id", "high"),
            *("identities", "identity_id", "link_id", "low", "members", "opposing_id", "order_id", "orders"),
            "other_id",
            *("other_identity_id", "professional_id", "reading_id", "request_id", "ruleset_id"),
            *("statement_id", "studies", "study_id"),
            *("to_identity_id", "view_id", "viewing_id"),
        ),
    ),
    Kind(
        "places in the ledger",
        "order statements, and name a person by the earliest member",
        ("low_registered", "high_registered", "ordinal", "upto"),
    ),
    Kind(
        "times of the ledger",
        "say when a statement was made or ends; a reader of the topic must know whether it still holds",
        ("recorded_at", "expires_at", "day", "deadline", "due_at", "until"),
    ),
    Kind(
        "clinical times",
        "date an exam, an order or a dose, for statistics, deadlines and worklists",
        ("at", "due", "reported_at", "started_at", "wanted_by", "exposures.started_at", "exposures.started_offset"),
    ),
    Kind(
        "who acted",
        "professionals stand in a public registry; other actors are codes that are no names (W1)",
        ("actor", "assigned_to", "by", "ordered_by", "role", "rpps"),
    ),
    Kind(
        "public registry data",
        "of professionals and establishments, published by the Annuaire Santé and FINESS",
        ("code", "finess", "name", "profession"),
    ),
    Kind(
        "establishments",
        "say where something was made: subscribers and the care team rule go by them",
        ("assigner", "from_site", "site", "to_site"),
    ),
    Kind(
        "devices of establishments",
        "the intake lets in by them, and calls them there; they name no exam",
        ("ae_title", "host", "kind", "port", "service", "tls"),
    ),
    Kind(
        "DICOM UIDs",
        "by which subscribers find images that they hold already, and tell copies; who has no images learns nothing",
        (
            *("by_report_uid", "exposures.irradiation_event_uid", "irradiation_event_uid", "other_study_uid"),
            *("report_uid", "series.series_uid", "study_uid", "uid"),
        ),
    ),
    Kind(
        "digests of contents",
        "SHA-256 of whole instances or rules: prove them to whoever has them",
        ("digest", "root"),
    ),
    Kind(
        "what was made",
        "modality, counts and classes of exams: statistics of the region; no words",
        (
            *("exposures.kind", "exposures.modality", "exposures.plane", "exposures.template", "instances"),
            *("modalities", "modality", "series.instances", "sop_class"),
            *("series.modality", "urgency"),
        ),
    ),
    Kind(
        "doses",
        "numbers of physicists who see no person: quantities, levels, plausibility, the make of the device",
        (
            *("bounds_version", "device.manufacturer", "device.model", "exposures.activity_mbq", "exposures.agd_mgy"),
            *("exposures.check_ctdivol_mgy", "exposures.check_dlp_mgycm", "exposures.ctdivol_mgy"),
            *("exposures.dap_mgycm2", "exposures.dlp_mgycm", "exposures.dose_rp_mgy", "exposures.forward_ctdivol_mgy"),
            *("exposures.entrance_dose_mgy", "exposures.forward_dlp_mgycm", "exposures.implausible"),
            *("exposures.notify_ctdivol_mgy", "exposures.notify_dlp_mgycm", "exposures.notify_forward_ctdivol_mgy"),
            *("exposures.notify_forward_dlp_mgycm", "exposures.phantom_cm", "exposures.source", "exposures.ssde_mgy"),
            *("exposures.technique", "implausible", "qa", "quantity", "dose.reported.source"),
            *("replaced", "rule_kind", "threshold", "tolerances", "totals", "value", "warnings", "why"),
            "window_days",
        ),
    ),
    Kind(
        "what earlier versions had in clear",
        "empty in what is written since, where the words hold it sealed; what was written before stays (ADR 77)",
        ("exposures.organ_doses",),
    ),
    Kind(
        "how an identity stands",
        "status, flags and names of what changed, never values: matching and clerks' work go by them",
        (
            "carried_flags",
            "changed",
            "emptied",
            "flag",
            "flags",
            "marked",
            "mode",
            "oid",
            "source",
            "status",
            "waits_as",
        ),
    ),
    Kind(
        "decisions on pairs",
        "rule, score and names of the fields compared, never values: each merge can be judged later",
        ("compared", "differing", "rule", "rule_version", "score"),
    ),
    Kind(
        "decisions on access",
        "who may see what, and why: whoever enforces consents must know them; purposes and grounds are codes",
        ("asked", "exclusions", "ground", "party", "purpose", "scope", "unsealed"),
    ),
    Kind(
        "a code's hash",
        "scrypt of 50 random bits with a salt, good for a week at most and one use",
        ("hash", "salt"),
    ),
    Kind(
        "the ground of an erasure",
        "must stay readable when the person's key is gone: it holds no name, date or number of theirs (I8)",
        ("identity.erased.reason", "reference", "part"),
    ),
    Kind(
        "rules and views",
        "texts of law and program, and counts: nothing of a person",
        ("body", "does", "former", "in_force_from", "label", "policy", "rules", "summary", "version", "view"),
    ),
)


def clear_fields(schema: Schema) -> Iterator[str]:
    """The fields of a schema that are not sealed, those within a record by ``record.field``."""
    for field in schema.document["fields"]:
        if field["name"] in schema.sealed:
            continue
        inner = _record(field["type"])
        if inner is None:
            yield field["name"]
        else:
            yield from (f"{field['name']}.{one['name']}" for one in inner)


def reason_of(schema: Schema, field: str) -> Kind | None:
    """Why a field stands in clear; None: nobody said."""
    names = {field, f"{schema.type}.{field}"}
    return next((kind for kind in KINDS if names.intersection(kind.fields)), None)


def _record(avro: Any) -> list[dict[str, Any]] | None:
    """The fields of a record, or of a list of records."""
    if isinstance(avro, dict) and avro["type"] == "array":
        return _record(avro["items"])
    found: list[dict[str, Any]] | None = avro["fields"] if isinstance(avro, dict) and avro["type"] == "record" else None
    return found
