"""Translates decisions due under matching rules into commands, in the order in which they must run."""

from collections.abc import Iterator
from typing import Any

from projections.identity_index.decided import Decision, Due


def bodies(found: Due) -> Iterator[tuple[str, Decision, dict[str, Any]]]:
    """The commands by name and body, in the order to ask them: what may join depends on what is taken back first."""
    for one in found.unmerges:
        yield "unmerge", one, {**_body(one), "rules": found.rule_version}
    for one in found.merges:
        yield "merge", one, {**_body(one), **_evidence(one)}
    for one in found.proposals:
        yield "propose", one, {**_body(one), **_evidence(one)}


def _body(one: Decision) -> dict[str, Any]:
    return {"one": one.one, "other": one.other, "rule": one.rule, "rule_version": one.rule_version}


def _evidence(one: Decision) -> dict[str, Any]:
    return {"score": one.score, "compared": list(one.fields)}
