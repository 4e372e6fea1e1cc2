"""What the log says while a broker is away: once, not ten times a second."""

import logging

import pytest

from streams.broker.quiet import Repeats


@pytest.fixture
def chatty(request: pytest.FixtureRequest) -> logging.Logger:
    """A library's logger, calmed."""
    logger = logging.getLogger(f"chatty.{request.node.name}")
    logger.addFilter(Repeats())
    return logger


def test_a_message_is_said_once_whatever_its_arguments(
    chatty: logging.Logger, caplog: pytest.LogCaptureFixture
) -> None:
    """The attempts differ only in their numbers."""
    for attempt in range(5):
        chatty.error("attempt %d failed", attempt)
    assert caplog.messages == ["attempt 0 failed"]


def test_another_message_still_gets_through(chatty: logging.Logger, caplog: pytest.LogCaptureFixture) -> None:
    """Only repeats are dropped."""
    chatty.error("attempt failed")
    chatty.error("given up")
    assert caplog.messages == ["attempt failed", "given up"]
