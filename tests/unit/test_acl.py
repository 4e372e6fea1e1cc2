"""Subscribers before Kafka is asked: names and topics that cannot be, and what the command line says of them."""

from pathlib import Path

import pytest
import typer.main

from krypton.cli.main import build, run
from streams.broker import acl
from streams.broker.topics import DEAD_LETTERS

NOWHERE = "127.0.0.1:1"


@pytest.mark.parametrize(
    "name", ["", "a", "9lab", "Lab", "lab.nightly", "lab_", "_controller", "a" * 41, "lab\n", "été"]
)
def test_a_name_that_could_be_taken_for_anothers_is_refused(name: str) -> None:
    with pytest.raises(acl.SubscriberWrong, match="a name has 2 to 40 characters of a-z"):
        acl.add(NOWHERE, name, ["krypton.studies"])


@pytest.mark.parametrize("topic", [DEAD_LETTERS, "__consumer_offsets", "krypton.study", "*"])
def test_a_topic_that_is_not_the_ledgers_is_refused(topic: str) -> None:
    with pytest.raises(acl.SubscriberWrong, match="is open to subscribers: choose from krypton"):
        acl.add(NOWHERE, "lab", ["krypton.studies", topic])


def test_a_subscriber_of_nothing_is_refused() -> None:
    with pytest.raises(acl.SubscriberWrong, match="name one topic at least"):
        acl.add(NOWHERE, "lab", [])


def test_the_command_line_says_what_is_wrong(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the short name of a topic too."""
    monkeypatch.setenv("KRYPTON_KAFKA", NOWHERE)
    monkeypatch.chdir(tmp_path)
    assert run(["subscriber", "add", "lab", "--topics", "studies,dead-letters"]) == 2
    assert "krypton.dead-letters" in capsys.readouterr().err


def test_no_command_grants_a_key() -> None:
    """What names a person is given by the query side alone, after an access decision."""
    group = typer.main.get_command(build()).commands["subscriber"]  # type: ignore[attr-defined]
    assert set(group.commands) == {"add", "list", "remove"}
