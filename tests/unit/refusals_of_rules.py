"""How a user provokes each refusal about rules: one mistake in a file that is right otherwise."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from domain import errors
from domain.commands.rules import PublishRules
from domain.rules.document import LARGEST, RuleId, document, read_document
from domain.rules.retention import BUILT_IN_BODY
from domain.work import Command, Work
from tests.fakes.weighing import body
from tests.unit.refusals import Directly, Provoked, World

ALERTS: dict[str, Any] = {
    "kind": "dose-alerts",
    "version": 2,
    "in_force_from": "2026-01-01",
    "body": {"dose_rp_mgy": 1500, "dap_mgycm2": 100_000},
}
LEVEL: dict[str, Any] = {
    "act": "Brain",
    "modality": "CT",
    "population": "adult",
    "quantity": "dlp_mgycm",
    "value": 1050,
    "unit": "mGy.cm",
    "phantom_cm": 16,
    "wording": "Encéphale",
}
WATCH: dict[str, Any] = {
    "name": "skin",
    "kind": "skin",
    "quantity": "dose_rp_mgy",
    "threshold": 2000,
    "days": 84,
}
MANY = {f"NAME{number}": 0.1 for number in range(20_001)}
RETENTION = ALERTS | {"kind": "retention", "body": dict(BUILT_IN_BODY)}
MATCHING = ALERTS | {"kind": "matching", "version": 1, "body": body()}
LEVELS = ALERTS | {"kind": "reference-levels", "version": 2011, "body": {"levels": [LEVEL]}}


ENTRY: dict[str, Any] = {"act": "Brain", "modalities": ["CT"], "protocols": ["Head"]}


@dataclass(frozen=True)
class Publish:
    """Publishes the content of a rule file."""

    content: dict[str, Any]

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises what the file or the ledger refuses."""
        return PublishRules(document=document(self.content)).decide(work)


def alerts(**change: Any) -> Publish:
    """Thresholds, with a change at the top."""
    return Publish(ALERTS | change)


def watch(**change: Any) -> Publish:
    """Alert rules: one that is right, and one with a change."""
    changed = {k: v for k, v in {**WATCH, "name": "other", **change}.items() if v is not None}
    return alerts(body={"alerts": [WATCH, changed]})


def level(**change: Any) -> Publish:
    """Reference levels: one that is right, and one with a change."""
    changed = {**LEVEL, "act": "Chest", **change}
    return Publish(LEVELS | {"body": {"levels": [LEVEL, {k: v for k, v in changed.items() if v is not None}]}})


def comparison(**change: Any) -> Publish:
    """Reference levels with what their document says of groups."""
    return Publish(LEVELS | {"body": {"levels": [LEVEL], **change}})


FACTOR: dict[str, Any] = {
    "quantity": "dlp_mgycm",
    "names": ["Chest"],
    "factor": 0.014,
    "unit": "mSv/mGy.cm",
    "source": "an essay",
}


def factor(**change: Any) -> Publish:
    """Factors of estimates: one that is right, and one with a change."""
    changed = {**FACTOR, "names": ["Head"], **change}
    return Publish(ALERTS | {"kind": "dose-factors", "body": {"factors": [FACTOR, changed]}})


def entry(**change: Any) -> Publish:
    """A mapping to acts: an entry that is right, and one with a change."""
    changed = {k: v for k, v in {**ENTRY, "protocols": ["Chest"], **change}.items() if v is not None}
    return Publish(ALERTS | {"kind": "dose-acts", "body": {"entries": [ENTRY, changed]}})


def weighing(path: str, value: Any) -> Callable[[World], Command]:
    """Matching rules, with a value of their model changed."""
    content = deepcopy(MATCHING)
    *parents, last = path.split(".")
    place = content["body"]["model"]
    for parent in parents:
        place = place[parent]
    place[last] = value
    return lambda _: Publish(content)


def retention(**change: Any) -> Publish:
    """Rules of retention, with a change."""
    return Publish(RETENTION | {"body": {**RETENTION["body"], **change}})


def after(first: Publish, ask: Publish) -> Callable[[World], Command]:
    """What is published once another was."""
    return lambda world: world.after(deepcopy(first), ask=ask)


def text(content: str, *, as_json: bool = False) -> Callable[[World], Command]:
    """A file's text."""
    return lambda _: Directly(lambda: read_document(content, as_json=as_json))


def named(rule_id: str) -> Callable[[World], Command]:
    """A rule id as typed."""
    return lambda _: Directly(lambda: RuleId.parse(rule_id))


PROVOKED = [
    Provoked(errors.UnknownKind, "kind: no rules of that kind: write one of matching", lambda _: alerts(kind="alerts")),
    Provoked(errors.UnknownKind, "no rules of that kind", named("alerts@1")),
    Provoked(errors.BadRuleId, "write KIND@VERSION, such as dose-alerts@2", named("dose-alerts")),
    Provoked(errors.BadRuleId, "write KIND@VERSION", named("dose-alerts@latest")),
    Provoked(errors.BadVersion, "version: is not a whole number from 1", lambda _: alerts(version=0)),
    Provoked(errors.BadVersion, "version: is not a whole number from 1", lambda _: alerts(version="2")),
    Provoked(
        errors.BadVersion, "comes after dose-alerts@5: versions grow", after(alerts(version=5), alerts(version=4))
    ),
    Provoked(
        errors.VersionTaken,
        "dose-alerts@2 was published with other content: give the new rules version 3",
        after(alerts(), alerts(body={"dose_rp_mgy": 1600, "dap_mgycm2": 100_000})),
    ),
    Provoked(errors.VersionTaken, "with other content", after(alerts(), alerts(in_force_from="2026-01-02"))),
    Provoked(errors.VersionTaken, "dose-alerts@1 is built in", lambda _: alerts(version=1)),
    Provoked(errors.NotADate, "in_force_from: is not a day", lambda _: alerts(in_force_from="1 January 2026")),
    Provoked(errors.NotADate, "write YYYY-MM-DD", lambda _: alerts(in_force_from=2026)),
    Provoked(errors.BadRuleFile, "is not TOML: ", text("kind = dose")),
    Provoked(errors.BadRuleFile, "is not JSON: ", text("{", as_json=True)),
    Provoked(errors.BadRuleFile, "a key occurs twice", text('{"kind": 1, "kind": 2}', as_json=True)),
    Provoked(errors.BadRuleFile, "is not JSON: ", text('{"\\ud800": 1}', as_json=True)),
    Provoked(errors.BadRuleFile, "the file is over 1 MiB", text("#" * (LARGEST + 1))),
    Provoked(errors.UnknownField, "file.titel: no such field", lambda _: alerts(titel="x")),
    Provoked(errors.UnknownField, "body.levels[1].weight: no such field", lambda _: level(weight=1)),
    Provoked(errors.FieldMissing, "body.levels[1].act: is missing", lambda _: level(act=None)),
    Provoked(errors.WrongType, "body: is a text: write a table of dap_mgycm2", lambda _: alerts(body="2000")),
    Provoked(errors.WrongType, "body: is nothing: write a table of dap_mgycm2", lambda _: alerts(body=None)),
    Provoked(errors.WrongType, "body.entries[1].protocols: is a text: write a list", lambda _: entry(protocols="Head")),
    Provoked(errors.WrongType, "body.levels[1].act: is a number: write a text", lambda _: level(act=7)),
    Provoked(errors.WrongType, "body.levels[1].value: is a text: write a number", lambda _: level(value="1050")),
    Provoked(errors.WrongType, "is true or false: write a number", lambda _: level(value=True)),
    Provoked(errors.OutOfRange, "over 0 and at most 1", weighing("family_names.chance", 1.5)),
    Provoked(errors.OutOfRange, "body.years: is no whole number", lambda _: retention(years=20.5)),
    Provoked(errors.OutOfRange, "body.years: is less than the law", lambda _: retention(years=19)),
    Provoked(errors.OutOfRange, "body.follow_days: is less than a day", lambda _: retention(follow_days=0.5)),
    Provoked(errors.OutOfRange, "chance: is out of range: write a number over 0", weighing("given_names.chance", 0)),
    Provoked(errors.OutOfRange, "body.levels[1].value: is out of range", lambda _: level(value=float("nan"))),
    Provoked(errors.OutOfRange, "body.levels[1].value: is out of range", lambda _: level(value=10**400)),
    Provoked(errors.OutOfRange, "is longer than 200 characters", lambda _: level(act="x" * 201)),
    Provoked(errors.OutOfRange, "contains a control character", lambda _: level(wording="a\x1b[2J")),
    Provoked(errors.OutOfRange, "modality: is not a DICOM modality", lambda _: level(modality="scanner")),
    Provoked(
        errors.OutOfRange,
        "activity_mbq has no phantom",
        lambda _: level(quantity="activity_mbq", unit="MBq", modality="NM"),
    ),
    Provoked(errors.WrongType, "family.exact: is a text: write a number", weighing("bits.family.exact", "much")),
    Provoked(errors.OutOfRange, "write a number from -60 to 60", weighing("bits.family.exact", 61)),
    Provoked(errors.OutOfRange, "review_bits: is over strict_bits", weighing("limits.review_bits", 7)),
    Provoked(errors.OutOfRange, "common: has over 20000 names", weighing("given_names.common", MANY)),
    Provoked(errors.RuleTooWeak, "number.different: speaks for one person", weighing("bits.number.different", 1)),
    Provoked(errors.UnknownChoice, "placeless: is none of never, listed", weighing("limits.placeless", "often")),
    Provoked(errors.OutOfRange, "guide: is over the level", lambda _: level(guide=1e8)),
    Provoked(errors.UnknownChoice, "phantom_cm: is none of 16, 32", lambda _: level(phantom_cm=20)),
    Provoked(
        errors.UnknownUnit, "body.levels[1].unit: cGy.cm2 is not a unit of dlp_mgycm", lambda _: level(unit="cGy.cm2")
    ),
    Provoked(
        errors.EqualFields,
        "let krypton rules train-matching learn a model from your identities, or publish the one in rules",
        lambda _: Publish(MATCHING | {"body": {"rules": []}}),
    ),
    Provoked(errors.DuplicateLevel, "body.levels[1]: an earlier level", lambda _: level(act="Brain")),
    Provoked(errors.OutOfRange, "body.alerts[1].name: is not a name", lambda _: watch(name="Skin dose")),
    Provoked(errors.OutOfRange, "days: is not a whole number of days", lambda _: watch(days=0.5)),
    Provoked(
        errors.OutOfRange,
        "quantity: ctdivol_mgy is an average and adds up to nothing",
        lambda _: watch(kind="window", quantity="ctdivol_mgy"),
    ),
    Provoked(errors.FieldMissing, "body.alerts[1].days: is missing", lambda _: watch(days=None)),
    Provoked(errors.UnknownField, "body.alerts[1].days: no such field", lambda _: watch(kind="study")),
    Provoked(errors.UnknownChoice, "body.alerts[1].quantity: is none of dose_rp_mgy", lambda _: watch(quantity="dlp")),
    Provoked(errors.UnknownChoice, "population: is none of adult, child", lambda _: watch(population="old")),
    Provoked(errors.DuplicateLevel, "an earlier rule is called skin", lambda _: watch(name="skin")),
    Provoked(errors.NothingInIt, "body.levels: is empty", lambda _: Publish(LEVELS | {"body": {"levels": []}})),
    Provoked(errors.NothingInIt, "body.levels[1].act: is empty", lambda _: level(act=" ")),
    Provoked(errors.DuplicateLevel, "body.entries[1]: an earlier entry", lambda _: entry(act="x", protocols=["head"])),
    Provoked(
        errors.FieldMissing,
        "body.entries[1]: states no condition, and would fit everything: add one of modalities, protocols",
        lambda _: entry(modalities=None, protocols=None),
    ),
    Provoked(errors.FieldMissing, "body.entries[1].act: is missing", lambda _: entry(act=None)),
    Provoked(errors.OutOfRange, "protocols[0]: holds no letter and no digit", lambda _: entry(protocols=["--"])),
    Provoked(errors.OutOfRange, "modalities[0]: is not a DICOM modality", lambda _: entry(modalities=["scanner"])),
    Provoked(errors.NothingInIt, "body.entries[1].regions: is empty", lambda _: entry(regions=[])),
    Provoked(
        errors.OutOfRange,
        "body.entries[1]: has over 1000 pairs of a protocol and a radiopharmaceutical",
        lambda _: entry(protocols=["Chest"] * 40, radiopharmaceuticals=["FDG"] * 40),
    ),
    Provoked(errors.UnknownField, "body.entries[1].protocol: no such field", lambda _: entry(protocol=["Head"])),
    Provoked(errors.OutOfRange, "weight_kg: a level of adults has no weight", lambda _: level(weight_kg=20)),
    Provoked(errors.OutOfRange, "body.adults: is no whole number", lambda _: comparison(adults=30.5)),
    Provoked(errors.UnknownChoice, "body.statistic: is none of mean, median", lambda _: comparison(statistic="mode")),
    Provoked(errors.NotADate, "body.in_force_to: is not a day", lambda _: comparison(in_force_to="2019")),
    Provoked(
        errors.OutOfRange,
        "body.in_force_to: is before in_force_from: write a later day",
        lambda _: comparison(in_force_to="2025-12-31"),
    ),
    Provoked(errors.DuplicateLevel, "body.levels[1]: an earlier level", lambda _: level(act="Brain", phantom_cm=None)),
    Provoked(errors.UnknownUnit, "body.factors[1].unit: mSv is not a unit of a factor", lambda _: factor(unit="mSv")),
    Provoked(errors.OutOfRange, "factor: is over all that were published", lambda _: factor(factor=14)),
    Provoked(errors.OutOfRange, "from_months: is not a whole number of months", lambda _: factor(from_months=0.5)),
    Provoked(
        errors.OutOfRange,
        "phantom_cm: activity_mbq has no phantom",
        lambda _: factor(quantity="activity_mbq", unit="mSv/MBq", phantom_cm=16),
    ),
    Provoked(errors.OutOfRange, "not over from_months", lambda _: factor(from_months=12, below_months=12)),
    Provoked(errors.DuplicateLevel, "body.factors[1]: an earlier factor", lambda _: factor(names=["CHEST"])),
]
