"""Topics full of generated events on the session's broker, for tests of readers: ``kafka`` and ``published``."""

from collections.abc import Iterator

import pytest

from krypton.devstack.stack import Stack
from streams.broker import topics
from streams.relay.outgoing import Outgoing
from tests.fakes.published import publish, samples
from tests.integration.live_ledger import delete_topics

ROUNDS = 40


@pytest.fixture(scope="module")
def kafka(stack: Stack) -> Iterator[str]:
    """A broker whose topics are there, and empty."""
    address = stack.addresses().kafka
    delete_topics(address)
    topics.create(address)
    yield address
    delete_topics(address)


@pytest.fixture(scope="module")
def published(kafka: str) -> list[Outgoing]:
    """Some thousand events of all types, as they lie in the topics."""
    return publish(kafka, samples(ROUNDS))
