"""Rate-limits the Kafka libraries' log messages, which repeat ten times a second while a broker is down."""

import logging
import time

EVERY_S = 30.0
CHATTY = (
    "aiokafka",
    "aiokafka.conn",
    "aiokafka.consumer.fetcher",
    "aiokafka.consumer.group_coordinator",
    "kafka.cluster",
    "kafka.net.connection",
    "kafka.net.manager",
    "kafka.net.transport",
    "kafka.producer.sender",
)


class Repeats(logging.Filter):
    """A log filter: each message passes once per ``EVERY_S``, whatever its arguments."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """See ``logging.Filter``."""
        now = time.monotonic()
        if now - self._said.get(record.msg, -EVERY_S) < EVERY_S:
            return False
        self._said[record.msg] = now
        return True


def rate_limit() -> None:
    """Install the filter on the libraries' loggers; safe to repeat."""
    for name in CHATTY:
        logger = logging.getLogger(name)
        if not any(isinstance(known, Repeats) for known in logger.filters):
            logger.addFilter(Repeats())
