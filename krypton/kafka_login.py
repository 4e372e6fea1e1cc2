"""As which login a process asks Kafka, where that asks for one: each has a password file, in the folder of them all."""

from dataclasses import replace

from adapters import private
from krypton.addresses import Addresses
from krypton.errors import SettingsWrong
from krypton.setting_values import closed
from streams.broker import broker


def as_login(found: Addresses, login: str | None) -> Addresses:
    """The addresses for a process that has this login at Kafka, or none.

    Raises SettingsWrong: its password file is missing, or others may read it.
    """
    kafka = broker.without_login(found.kafka) if login is None else broker.under(found.kafka, login)
    if folder := broker.logins(kafka):
        file = broker.login_file(folder, login or "")
        if not file.is_file():
            made = "bring it here, or run this where it is" if login == broker.OPERATOR else "run krypton init"
            raise SettingsWrong(f"{file}, the password of {login} at Kafka, is not there: {made}")
        closed(file, f"the password of {login} at Kafka", private.check_password)
    return replace(found, kafka=kafka)
