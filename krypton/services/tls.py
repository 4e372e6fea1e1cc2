"""TLS of a service, by the files that its settings name."""

import logging
import ssl
import time
from pathlib import Path
from typing import Final

from adapters import private
from adapters.tls import context
from krypton.errors import SettingsWrong
from krypton.setting_values import closed, variable
from krypton.settings import Settings

log = logging.getLogger(__name__)
LOOK_S: Final = 5.0


def context_of(settings: Settings, service: str, named: str, *, required: bool = True) -> ssl.SSLContext | None:
    """None where no certificate is set. ``service``: how its settings begin; ``named``: for messages; ``required``:
    whoever shows no certificate of the authorities is hung up on. Raises SettingsWrong.
    """
    fields = [f"{service}_tls_{kind}_file" for kind in ("cert", "key", "ca")]
    certificate, key, authorities = (getattr(settings, field) for field in fields)
    if certificate is None or key is None:
        return None
    closed(key, variable(fields[1]), private.check_password)
    try:
        return context(certificate, key, authorities, required=required)
    except OSError as unfit:
        raise SettingsWrong(
            f"the certificates of the {named} cannot be used ({unfit.strerror or type(unfit).__name__}): "
            f"{variable(fields[0])}, …_KEY_FILE and …_CA_FILE name PEM files, the key without a password"
        ) from None


class Followed:
    """A certificate that is renewed in its files: new connections are given the new one, without a restart.

    What cannot be used is named in the log, and the last one that could goes on.
    """

    def __init__(self, made: ssl.SSLContext, settings: Settings, service: str, named: str) -> None:
        self._made, self._settings, self._service, self._named = made, settings, service, named
        self._certificate, self._key = (getattr(settings, f"{service}_tls_{kind}_file") for kind in ("cert", "key"))
        self._state, self._next = self._now(), 0.0

    def look(self) -> None:
        """Take a new certificate, if there is one; the files are looked at every ``LOOK_S`` at most."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + LOOK_S
        if (state := self._now()) == self._state:
            return
        self._state = state
        try:
            context_of(
                self._settings, self._service, self._named
            )  # a pair that does not fit would leave it without any
            self._made.load_cert_chain(self._certificate, self._key, password=lambda: "")
        except (SettingsWrong, OSError) as wrong:
            log.error("%s; the certificate before it goes on", wrong)
        else:
            log.info("the %s has taken a new certificate", self._named)

    def _now(self) -> tuple[tuple[int, ...], ...]:
        """What changes when a file does; of one that is not there, nothing."""
        return tuple(_state(file) for file in (self._certificate, self._key))


def _state(file: Path) -> tuple[int, ...]:
    try:
        there = file.stat()
    except OSError:
        return ()
    return there.st_mtime_ns, there.st_size, there.st_ino, there.st_mode
