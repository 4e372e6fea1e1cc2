"""Every command that changes something says who asks, and can be given again: the whole command line, walked."""

from collections.abc import Iterator
from typing import Any

import pytest
import typer.main

from krypton.cli.main import build

READ = {  # auditors' questions are recorded, and each time they are asked is another question
    "wait", "topics", "events", "site list", "professional list", "identity show", "identity history",
    "identity review list", "record show", "dose show", "dose alerts", "consent show", "order show", "rules list",
    "rules show", "views status", "views diff", "views check", "dead-letters list", "dead-letters show",
    "subscriber list", "audit checkpoint", "audit prove", "audit check-proof", "audit verify", "audit cosign",
    "audit history", "audit accesses", "audit as-of", "audit exposure", "audit export", "policies status",
    "policies parked",
}  # fmt: skip
RUN = {  # they serve, build or guard what holds the facts: no event is of their making
    "init", "run", "relay", "worker", "dicom serve", "serve registry", "serve notary", "dev up", "dev down",
    "dev status", "dev tool", "dev samples", "dev reset", "views rebuild", "restore event-store", "republish",
    "subscriber add", "subscriber remove", "policies run", "policies retry", "policies drop",
}  # fmt: skip


def commands(group: Any, name: str = "") -> Iterator[tuple[str, set[str]]]:
    """Each command by its whole name, and its options."""
    below = getattr(group, "commands", None)  # a group's, of the click that typer brings along
    if below is None:
        yield name, {option for parameter in group.params for option in parameter.opts}
    for word, one in (below or {}).items():
        yield from commands(one, f"{name} {word}".strip())


ALL = dict(commands(typer.main.get_command(build())))


@pytest.mark.parametrize("name", sorted(ALL.keys() - READ - RUN))
def test_a_command_that_changes_something_takes_who_asks_and_an_id_of_its_own(name: str) -> None:
    assert {"--actor", "--command-id"} <= ALL[name]


def test_the_commands_that_change_nothing_are_there() -> None:
    assert ALL.keys() >= READ | RUN
    assert not READ & RUN
