"""The errors of what surrounds a process: a required service that is unavailable, a setting that is wrong."""


class ServiceUnavailable(Exception):
    """A service does not answer or cannot be started. The message says what, where, and the command to run.

    The command line answers it with exit code 4.
    """


class SettingsWrong(ValueError):
    """A setting is missing or does not make sense. The message names the variable and what it must be."""
