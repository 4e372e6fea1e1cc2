"""The error for a required service that is unavailable."""


class ServiceUnavailable(Exception):
    """A service does not answer or cannot be started. The message says what, where, and the command to run.

    The command line answers it with exit code 4.
    """
