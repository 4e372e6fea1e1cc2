"""TLS of a service, by the files that its settings name."""

import ssl

from adapters import private
from adapters.tls import context
from krypton.setting_values import closed, variable
from krypton.settings import Settings, SettingsWrong


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
