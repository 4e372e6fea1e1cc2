"""What is wrong around a process: a service that it needs does not answer, or a setting makes no sense."""


class ServiceUnavailable(Exception):
    """A service does not answer or cannot be started. The message says what, where, and the command to run.

    The command line answers it with exit code 4.
    """


class SettingsWrong(ValueError):
    """A setting is missing or does not make sense. The message names the variable and what it must be."""


def unanswered(away: Exception) -> str:
    """What is said of a database that does not answer, and where to look: the vault may be in one of its own."""
    if str(getattr(away, "session", "")).startswith("vault"):
        return (
            f"the vault's database does not answer ({type(away).__name__}): start it, or check KRYPTON_VAULT_DATABASE; "
            "where that is not set, the vault is in KRYPTON_DATABASE"
        )
    return f"the database does not answer ({type(away).__name__}): run krypton dev up, or check KRYPTON_DATABASE"
