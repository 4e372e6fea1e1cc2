"""Parses and checks rule files, and puts them into canonical form.

Kinds: ``matching`` (``domain.rules.matching``), ``reference-levels`` (``.levels``), ``dose-alerts`` (``.alerts``),
``plausible-doses`` (``.plausible``), ``retention`` (``.retention``), ``phantom-words`` (``.phantoms``), ``dose-acts``
(``.acts``), ``dose-factors`` (``.factors``). A rule id is ``KIND@VERSION``. Versions are growing whole numbers; gaps
are allowed, so that a text of law keeps its year. Each error in a file has its own rule, G1 to G17, listed in
``domain.aggregates.ruleset``, and names the path. The same content always gives the same bytes.
"""

import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from hashlib import sha256
from typing import Any, Final, NamedTuple

from domain.dose_acts import DoseActs
from domain.dose_alerts import AlertRules
from domain.dose_estimates import DoseFactors
from domain.dose_levels import ReferenceLevels
from domain.errors import BadRuleFile, BadRuleId, BadVersion, UnknownKind
from domain.retention import Retention
from domain.rules import acts, alerts, factors, levels, matching, phantoms, plausible, retention
from domain.rules.matching import MatchingRules
from domain.rules.phantoms import PhantomWords
from domain.rules.place import Checks, Place
from domain.rules.plausible import PlausibleDoses

Rules = (
    MatchingRules | ReferenceLevels | AlertRules | PlausibleDoses | Retention | PhantomWords | DoseActs | DoseFactors
)
MATCHING, REFERENCE_LEVELS, DOSE_ALERTS = "matching", "reference-levels", "dose-alerts"
PLAUSIBLE_DOSES, RETENTION, PHANTOM_WORDS = "plausible-doses", "retention", "phantom-words"
DOSE_ACTS, DOSE_FACTORS = "dose-acts", "dose-factors"
CHECKS: Final[Mapping[str, Callable[[Place], None]]] = {
    MATCHING: matching.check,
    REFERENCE_LEVELS: levels.check,
    DOSE_ALERTS: alerts.check,
    PLAUSIBLE_DOSES: plausible.check,
    RETENTION: retention.check,
    PHANTOM_WORDS: phantoms.check,
    DOSE_ACTS: acts.check,
    DOSE_FACTORS: factors.check,
}
BUILDS: Final[Mapping[str, Callable[[int, Mapping[str, Any]], Rules]]] = {
    MATCHING: matching.build,
    REFERENCE_LEVELS: levels.build,
    DOSE_ALERTS: alerts.build,
    PLAUSIBLE_DOSES: plausible.build,
    RETENTION: retention.build,
    PHANTOM_WORDS: phantoms.build,
    DOSE_ACTS: acts.build,
    DOSE_FACTORS: factors.build,
}
KINDS: Final = tuple(BUILDS)
BUILT_IN: Final[Mapping[str, Mapping[str, Any]]] = {
    DOSE_ALERTS: alerts.BUILT_IN_BODY,
    PLAUSIBLE_DOSES: plausible.BUILT_IN_BODY,
    RETENTION: retention.BUILT_IN_BODY,
}
"""The bodies of version 1 that need no publishing, by kind."""
LARGEST: Final = 1 << 20  # bytes; an event has to fit into a Kafka record with room to spare
LAST_VERSION: Final = 2**31 - 1  # an Avro int
canonical_json = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode


class RuleId(NamedTuple):
    """Names one version of one kind's rules: ``dose-alerts@2``."""

    kind: str
    version: int

    def __str__(self) -> str:
        return f"{self.kind}@{self.version}"

    @classmethod
    def parse(cls, text: str) -> "RuleId":
        """Raises BadRuleId (G2), UnknownKind (G1)."""
        kind, at, version = text.partition("@")
        if not at or not version.isascii() or not version.isdigit() or len(version) > 10 or int(version) < 1:
            raise BadRuleId("not a rule id: write KIND@VERSION, such as dose-alerts@2; see krypton rules list")
        return cls(known_kind(kind, "kind"), int(version))


@dataclass(frozen=True)
class RuleDocument:
    """The content of one rule file. ``body``: canonical JSON; ``digest``: its SHA-256; ``in_force_from``:
    YYYY-MM-DD.
    """

    kind: str
    version: int
    in_force_from: str
    title: str
    body: str

    @property
    def id(self) -> RuleId:
        """Its rule id."""
        return RuleId(self.kind, self.version)

    @property
    def digest(self) -> str:
        """SHA-256 of the body, 64 hex digits."""
        return sha256(self.body.encode()).hexdigest()


def known_kind(kind: Any, path: str) -> str:
    """Raises UnknownKind (G1)."""
    if kind not in KINDS:
        raise UnknownKind(f"{path}: no rules of that kind: write one of {', '.join(KINDS)}")
    return str(kind)


def parse(kind: str, version: int, body: Mapping[str, Any]) -> Rules:
    """The rules in a body, checked. Raises G1, G3 and G7 to G17, with the path of each error."""
    known_kind(kind, "kind")
    known_version(version)
    CHECKS[kind](Place("body", body))
    return BUILDS[kind](version, body)


def known_version(version: Any) -> int:
    """Raises BadVersion (G3)."""
    if isinstance(version, bool) or not isinstance(version, int) or not 1 <= version <= LAST_VERSION:
        raise BadVersion(f"version: is not a whole number from 1 to {LAST_VERSION}: write one that no version had yet")
    return version


def build(kind: str, version: int, body: str) -> Rules:
    """The rules of a published body: checked when published, not again, so that a stricter program still reads it."""
    return BUILDS[kind](version, json.loads(body))


def document(raw: Mapping[str, Any]) -> RuleDocument:
    """The document of a rule file's content. Raises what is wrong with it, all of it: G1, G3, G5, G7 to G17."""
    with Checks() as checks:
        parts = checks.fields(Place("file", raw), ("kind", "version", "in_force_from", "body"), ("title",))
        kind = checks(lambda: known_kind(parts["kind"].given(), "kind"))
        checks(lambda: known_version(parts["version"].given()))
        body = checks(parts["body"].given)
        if kind and "body" in raw:
            checks(lambda: CHECKS[kind](Place("body", body)))
        if "title" in parts:
            checks(parts["title"].text)
        start = checks(lambda: Place("in_force_from", parts["in_force_from"].given()).day())
        if start and kind == REFERENCE_LEVELS and isinstance(body, dict):
            checks(partial(levels.check_days, start, body))
    body = canonical_json(_canonical(raw["body"]))
    return RuleDocument(raw["kind"], raw["version"], start or "", raw.get("title", ""), body)


def read_document(text: str, *, as_json: bool = False) -> RuleDocument:
    """The document of a rule file's text. Raises BadRuleFile (G6), and as ``document``."""
    if len(text.encode()) > LARGEST:
        raise BadRuleFile("the file is over 1 MiB: split the rules")
    try:
        raw = json.loads(text, object_pairs_hook=_once) if as_json else tomllib.loads(text)
    except (ValueError, RecursionError) as wrong:
        raise BadRuleFile(f"the file is not {'JSON' if as_json else 'TOML'}: {wrong}") from None
    return document(raw)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    for key in table:
        key.encode()  # half a surrogate pair is a ValueError too
    if len(table) < len(pairs):
        raise ValueError("a key occurs twice in one table")
    return table


def _canonical(value: Any) -> Any:
    """Equal values are written alike: 2000.0 becomes 2000, and a date of TOML a text."""
    match value:
        case dict():
            return {key: _canonical(held) for key, held in value.items()}
        case list():
            return [_canonical(held) for held in value]
        case float() if value.is_integer() and abs(value) < 2**53:
            return int(value)
        case date():
            return value.isoformat()
    return value
