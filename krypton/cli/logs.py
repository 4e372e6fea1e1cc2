"""Configures logging of long-running commands on standard error."""

import logging
import threading
from copy import copy

CHATTY = ("kafka", "aiokafka", "faust", "mode")
CLIENTS = ("kafka", "aiokafka")
WITHOUT_ANSWER = ("KafkaTimeoutError", "RequestTimedOutError")
"""Errors of Kafka's clients that they do not call passing, as they do others of a broker that is away."""
DATABASE = ("psycopg2", ("OperationalError", "InterfaceError"))


class Lines(logging.Formatter):
    """One plain line where a server is away: the traceback is kept for defects, and tells nothing there."""

    def format(self, record: logging.LogRecord) -> str:
        """See ``logging.Formatter``."""
        error = record.exc_info[1] if record.exc_info else None
        if error is None or not of_a_server_that_is_away(error):
            return super().format(record)
        plain = copy(record)
        first, *_ = record.getMessage().splitlines() or [""]
        plain.msg, plain.args = f"{first} ({type(error).__name__})", ()
        plain.exc_info = plain.exc_text = plain.stack_info = None
        return super().format(plain)


def of_a_server_that_is_away(error: BaseException | None) -> bool:
    """Whether an error, or what it was raised from, says that Kafka, PostgreSQL or the network does not answer.

    By names: a command that only prints must not import their clients.
    """
    while error is not None:
        module, name = type(error).__module__.partition(".")[0], type(error).__name__
        if isinstance(error, OSError) or (module == DATABASE[0] and name in DATABASE[1]):
            return True  # a timeout is an OSError
        if module in CLIENTS and (getattr(error, "retriable", False) or name in WITHOUT_ANSWER):
            return True
        error = error.__cause__
    return False


def log_to_stderr() -> None:
    """From now on: times, levels, and of chatty libraries their warnings alone."""
    lines = logging.StreamHandler()
    lines.setFormatter(Lines("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[lines])
    threading.excepthook = _thread_ended
    for library in CHATTY:
        logging.getLogger(library).setLevel(logging.WARNING)


def _thread_ended(ended: threading.ExceptHookArgs) -> None:
    """A thread that ends by an error says so in the log, as all else does: Python prints a traceback beside it."""
    if ended.exc_value is None or ended.exc_type is SystemExit:
        return
    name = ended.thread.name if ended.thread else "of unknown name"
    told = (ended.exc_type, ended.exc_value, ended.exc_traceback)
    logging.getLogger(__name__).error("the thread %s ended", name, exc_info=told)
