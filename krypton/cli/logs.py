"""Configures logging of long-running commands on standard error."""

import logging

CHATTY = ("kafka", "aiokafka", "faust", "mode")


def log_to_stderr() -> None:
    """From now on: times, levels, and of chatty libraries their warnings alone."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for library in CHATTY:
        logging.getLogger(library).setLevel(logging.WARNING)
