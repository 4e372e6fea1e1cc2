"""Policies as operators run them, seen from the command line: relay, Kafka, the policy, the ledger, and the index."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any
from uuid import uuid4

import psycopg2
import pytest

from krypton.devstack.stack import Stack
from tests.integration.live_cli import CommandLine
from tests.integration.live_ledger import LiveLedger, live_ledger
from tests.integration.policy_world import in_force

pytestmark = pytest.mark.live
PERSON = ("--birth-date", "1961-05-06", "--birth-place", "33063", "--given", "Camille", "--sex", "F")


@pytest.fixture(scope="module")
def ledger(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveLedger]:
    """A ledger with rules in force, its index and its policies running."""
    with live_ledger(stack, tmp_path_factory.mktemp("logs")) as ledger:
        in_force(ledger.krypton)
        ledger.start("relay")
        for view in ("identity_index", "access_history"):  # what was read of a person is on record, and in a view
            ledger.start("worker", view)
        ledger.start("policies", "run")
        yield ledger


@pytest.fixture
def line(ledger: LiveLedger) -> CommandLine:
    """Its command line."""
    addresses = ledger.krypton.addresses
    return CommandLine(
        ledger.stack.root, (("KRYPTON_KAFKA", addresses.kafka), ("KRYPTON_DATABASE", addresses.database))
    )


PARKED = """INSERT INTO policies.outbox (id, policy, version, kind, does, body, cause, correlation_id, place, due_at,
try_at, state, attempts, error) SELECT gen_random_uuid(), 'expiry', 1, 'command', 'expire_order', '{}', 1,
gen_random_uuid(), 0, 0, 0, 'parked', 8, 'OperationalError'"""


def register(line: CommandLine, family: str) -> str:
    """A local identity; returns its id."""
    words = ("identity", "register", "--assigner", "CHB", "--id", uuid4().hex, "--family", family, *PERSON)
    return str(line.ask(*words)["identity"])


def person(line: CommandLine, identity: str) -> Any:
    return line.ask("identity", "show", identity)["person"]


def test_a_newcomer_is_matched_once_wait_returns(line: CommandLine) -> None:
    """A newcomer to Krypton looks for the match right after ``krypton wait``."""
    one, other = register(line, "FICTIVE"), register(line, "FICTIVE")
    line.show("wait", "--timeout", "180")
    assert person(line, one) == person(line, other)


def test_status_says_how_far_each_policy_is(line: CommandLine) -> None:
    register(line, "SEULE")
    line.show("wait", "--timeout", "180")
    (found,) = [one for one in line.ask("policies", "status") if one["policy"] == "matching"]
    told = [found[name] for name in ("lag", "due", "retrying", "parked", "dead_letters", "last_error")]
    assert told == [0, 0, 0, 0, 0, None]
    assert found["position"] > 0
    assert "matching" in line.show("policies", "status")


def test_wait_and_status_say_that_a_policy_gave_something_up(ledger: LiveLedger, line: CommandLine) -> None:
    """Whoever waits for all to be done must not read that it is."""
    with closing(psycopg2.connect(ledger.database)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(PARKED)
    waited, shown = line.run("wait", "--timeout", "180"), line.run("policies", "status")
    assert (waited.code, shown.code) == (1, 0)
    for said in (waited.err, shown.err):
        assert "not all is done: expiry (1) given up: krypton policies parked says why" in said
    (parked,) = line.ask("policies", "parked")
    line.show("policies", "drop", parked["id"], "--reason", "entered twice")
    line.show("wait", "--timeout", "180")
