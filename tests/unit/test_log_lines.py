"""Lines of the log: a server that is away is one line, and a defect keeps its traceback."""

import asyncio
import logging
import threading

import aiokafka.errors
import kafka.errors
import psycopg2
import pytest

from krypton.cli.logs import Lines, log_to_stderr
from streams.processor.positioned_consumer import PositionedConsumerThread


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


@pytest.mark.parametrize(("error", "lines"), [(aiokafka.errors.KafkaConnectionError("away"), 1), (KeyError("x"), 3)])
def test_a_thread_that_ends_by_an_error_says_so_in_the_log_alone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, error: Exception, lines: int
) -> None:
    """Python would print a traceback beside it, which no formatter sees."""
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    log_to_stderr()

    def ends() -> None:
        raise error

    thread = threading.Thread(target=ends, name="consumer")
    thread.start()
    thread.join()
    said = capsys.readouterr().err.splitlines()
    assert "ERROR krypton.cli.logs the thread consumer ended" in said[0]
    assert len(said) == 1 if lines == 1 else len(said) >= lines


def test_a_consumer_that_crashes_says_so_in_the_log_alone(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """The library's own prints a traceback on standard error."""
    thread = object.__new__(PositionedConsumerThread)
    thread.log = logging.getLogger("streams.processor.positioned_consumer")
    try:
        raise aiokafka.errors.KafkaConnectionError("away")
    except aiokafka.errors.KafkaConnectionError as away:
        thread.on_crash("{0!r} crashed: {1!r}", "PositionedConsumerThread", away)
    assert capsys.readouterr().err == ""
    (told,) = caplog.records
    assert (told.exc_info is not None, "crashed" in told.getMessage()) == (True, True)


def test_a_consumer_that_crashed_is_stopped_without_its_loop() -> None:
    """The library calls into the loop that the thread has closed, and logs the error that this is."""
    thread = object.__new__(PositionedConsumerThread)
    thread.thread_loop, thread._stopped = asyncio.new_event_loop(), threading.Event()
    thread.thread_loop.close()
    thread._stopped_set()
    assert thread._stopped.is_set()
