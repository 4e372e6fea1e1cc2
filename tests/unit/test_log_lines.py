"""Lines of the log: a server that is away is one line, and a defect keeps its traceback."""

import logging

import aiokafka.errors
import kafka.errors
import psycopg2
import pytest

from krypton.cli.logs import Lines, log_to_stderr


def line(error: BaseException, message: str = "Crashed reason=%r", *args: object) -> str:
    """What the log says of an error that a library logs with its traceback."""
    try:
        raise error
    except BaseException:
        record = logging.getLogger("mode.services").makeRecord(
            *("mode.services", logging.ERROR, __file__, 1, message, args or (error,), __import__("sys").exc_info())
        )
    return Lines("%(levelname)s %(name)s %(message)s").format(record)


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(111, "Connect call failed ('127.0.0.1', 9092)"),
        TimeoutError(),
        psycopg2.OperationalError("server closed the connection unexpectedly\n\tThis probably means ..."),
        aiokafka.errors.KafkaConnectionError("No connection to node with id 1"),
        aiokafka.errors.NodeNotReadyError(),
        aiokafka.errors.KafkaTimeoutError(),
        kafka.errors.KafkaConnectionError("away"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_server_that_is_away_is_one_line(error: Exception) -> None:
    said = line(error)
    assert len(said.splitlines()) == 1
    assert said.startswith("ERROR mode.services Crashed reason=")
    assert said.endswith(f"({type(error).__name__})")


def test_so_is_what_a_library_raises_from_it() -> None:
    wrapped = RuntimeError("cannot go on")
    wrapped.__cause__ = aiokafka.errors.KafkaConnectionError("away")
    assert len(line(wrapped).splitlines()) == 1


@pytest.mark.parametrize(
    "error",
    [TypeError("unhashable"), aiokafka.errors.IllegalStateError("no"), psycopg2.ProgrammingError("no such column")],
)
def test_a_defect_keeps_its_traceback(error: Exception) -> None:
    assert "Traceback (most recent call last)" in line(error)


def test_a_defect_that_shows_while_a_server_is_away_keeps_it_too() -> None:
    """It was raised beside the outage, not because of it."""
    defect = KeyError("partition")
    defect.__context__ = ConnectionRefusedError()
    assert "Traceback (most recent call last)" in line(defect)


def test_long_running_commands_write_such_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    log_to_stderr()
    try:
        raise ConnectionResetError
    except ConnectionResetError:
        logging.getLogger("aiokafka.consumer").exception("Failed fetch messages")
    (said,) = capsys.readouterr().err.splitlines()
    assert said.endswith("ERROR aiokafka.consumer Failed fetch messages (ConnectionResetError)")
