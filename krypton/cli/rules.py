"""krypton rules: publishes and shows versioned rules; they are in force once a view built with them is promoted.

Publishing changes no decision; promoting a view built with them does.

Read from the ledger itself, so that they are shown and published while Kafka is away.
"""

import json
from datetime import date
from typing import Annotated, Any

import typer

from domain.commands.rules import PublishRules
from domain.matching.model import of_body
from domain.rules.document import BUILT_IN, MATCHING, RuleDocument, RuleId, canonical_json
from domain.rules.in_force import RulesInForce
from krypton.cli.calling import OWN, As
from krypton.cli.connection import ask, krypton
from krypton.cli.groups import command_group
from krypton.cli.options import AsJson, CommandId
from krypton.cli.output import document, facts, out, table
from krypton.cli.rule_files import File, read_file
from krypton.cli.rules_diff import diff
from krypton.cli.train import show_model, train_matching

app = command_group("Rules: published as files, in force once a view built with them is promoted.")
COLUMNS = ("rules", "in_force", "in_force_from", "title", "digest", "position")
NO_MODEL = "Rules of equal fields decide nothing any more: publish a model, see krypton rules train-matching."


@app.command()
def publish(
    file: File,
    check: Annotated[
        bool, typer.Option("--check", help="Only say whether the file is valid, or all that is wrong with it.")
    ] = False,
    who: As = OWN,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Record a version of rules. The same file again writes nothing."""
    told = read_file(file)
    if not check:
        ask(krypton(), PublishRules(document=told), who, command_id, as_json)
    elif as_json:
        document({"rules": str(told.id), "digest": told.digest})
    else:
        out.print(f"valid: rules {told.id}, digest {told.digest}")


@app.command("list")
def list_rules(who: As = OWN, as_json: AsJson = False) -> None:
    """All published rules and those built in, and which are in force."""
    ledger = krypton().ledger
    rules, today = ledger.rules(), ledger.clock().date()
    rows = [_row(rules, rule_id, today) for rule_id in sorted({*rules.published, *BUILT_IN_IDS})]
    if as_json:
        document(rows)
        return
    table([{**row, "digest": row["digest"][:12]} for row in rows], COLUMNS, "Rules")


@app.command()
def show(
    rule_id: Annotated[str, typer.Argument(metavar="KIND@VERSION", help="For example dose-alerts@2.")],
    who: As = OWN,
    as_json: AsJson = False,
) -> None:
    """What one version of rules says."""
    ledger = krypton().ledger
    rules, today = ledger.rules(), ledger.clock().date()
    asked = RuleId.parse(rule_id)
    rules.get(asked)
    told = _row(rules, asked, today)
    body = json.loads(_document(rules, asked).body)
    if as_json:
        document({**told, "body": body})
        return
    facts({name: value for name, value in told.items() if value is not None})
    if asked.kind == MATCHING and "model" not in body:
        out.print(NO_MODEL)
    for name, value in body.items():
        if name == "model":
            show_model(of_body(value))
        elif isinstance(value, list):
            table(value, tuple(dict.fromkeys(key for item in value for key in item)), name)
        else:
            facts({name: value})


app.command()(diff)
app.command("train-matching")(train_matching)
BUILT_IN_IDS = [RuleId(kind, 1) for kind in BUILT_IN]


def _document(rules: RulesInForce, rule_id: RuleId) -> RuleDocument:
    if rule_id in rules.published:
        return rules.document(rule_id)
    return RuleDocument(*rule_id, in_force_from="", title="built in", body=canonical_json(BUILT_IN[rule_id.kind]))


def _row(rules: RulesInForce, rule_id: RuleId, today: date) -> dict[str, Any]:
    told = _document(rules, rule_id)
    return {
        "rules": str(rule_id),
        "kind": told.kind,
        "version": told.version,
        "in_force": rules.decides(rule_id, today),
        "in_force_from": told.in_force_from or None,
        "title": told.title or None,
        "digest": told.digest,
        "position": rules.published.get(rule_id),
    }
