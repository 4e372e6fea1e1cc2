"""Reads the values of settings from text, and says what is wrong with one: the variable, and what it must be.

``given``: the variables that are set, by name. Each function raises SettingsWrong.
"""

import re
from collections.abc import Callable, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any

from adapters import private
from krypton.errors import SettingsWrong
from streams.broker.broker import with_login

AE_TITLE_MAX = 16
Network = IPv4Network | IPv6Network


def kafka(given: Mapping[str, str], cwd: Path) -> str | None:
    """The address of a Kafka that is given, with its login."""
    servers, user = given.get("KRYPTON_KAFKA"), given.get("KRYPTON_KAFKA_USER")
    file = given.get("KRYPTON_KAFKA_PASSWORD_FILE")
    if not user and not file:
        return servers
    if not (servers and user and file):
        raise SettingsWrong(
            "a login needs all of KRYPTON_KAFKA, KRYPTON_KAFKA_USER and KRYPTON_KAFKA_PASSWORD_FILE: "
            "set the missing one"
        )
    password(cwd / file, "KRYPTON_KAFKA_PASSWORD_FILE")
    return with_login(servers, user, cwd / file)


def token(given: Mapping[str, str], cwd: Path) -> dict[str, Any]:
    """Where the master key is in a security module: all four settings, or none."""
    found = {
        "pkcs11_module": path(given, "KRYPTON_PKCS11_MODULE", cwd),
        "pkcs11_token": given.get("KRYPTON_PKCS11_TOKEN"),
        "pkcs11_key": given.get("KRYPTON_PKCS11_KEY"),
        "pkcs11_pin_file": path(given, "KRYPTON_PKCS11_PIN_FILE", cwd),
    }
    missing = [variable(name) for name, value in found.items() if value is None]
    if 0 < len(missing) < len(found):
        raise SettingsWrong(f"a master key in a security module needs {', '.join(missing)} too: set it, or none")
    return found


def tls(given: Mapping[str, str], cwd: Path, service: str) -> dict[str, Any]:
    """The files of TLS for a service: a certificate with its key, and perhaps the authorities of callers; or none."""
    names = [f"{service}_tls_{kind}_file" for kind in ("cert", "key", "ca")]
    found = {name: path(given, variable(name), cwd) for name in names}
    certificate, key, authorities = found.values()
    if bool(certificate) != bool(key) or (authorities and not certificate):
        raise SettingsWrong(f"TLS needs both {variable(names[0])} and {variable(names[1])}: set the missing one")
    return found


def tokens(given: Mapping[str, str], cwd: Path) -> dict[str, Any]:
    """Where tokens of professionals are asked about, and as whom: all three settings, or none; over TLS."""
    found = {
        "web_tokens_url": url(given, "KRYPTON_WEB_TOKENS_URL"),
        "web_tokens_client": given.get("KRYPTON_WEB_TOKENS_CLIENT"),
        "web_tokens_secret_file": path(given, "KRYPTON_WEB_TOKENS_SECRET_FILE", cwd),
    }
    missing = [variable(name) for name, value in found.items() if value is None]
    if 0 < len(missing) < len(found):
        raise SettingsWrong(f"tokens of professionals need {', '.join(missing)} too: set it, or none")
    if not str(found["web_tokens_url"] or "https:").startswith("https:"):
        raise SettingsWrong("KRYPTON_WEB_TOKENS_URL must begin with https://: tokens and a secret are sent there")
    return found | {"web_tokens_ca_file": path(given, "KRYPTON_WEB_TOKENS_CA_FILE", cwd)}


def networks(given: Mapping[str, str], name: str) -> tuple[Network, ...]:
    """Addresses and networks, with commas between: ``10.1.2.3, 10.2.0.0/16``."""
    try:
        return tuple(ip_network(one.strip()) for one in given.get(name, "").split(",") if one.strip())
    except ValueError:
        expected = "addresses or networks with commas between: 10.1.2.3, 10.2.0.0/16"
        raise SettingsWrong(f"{name} must be {expected}") from None


def path(given: Mapping[str, str], name: str, cwd: Path) -> Path | None:
    """A file or folder, from the current folder on."""
    return cwd / given[name] if name in given else None


def paths(given: Mapping[str, str], name: str, cwd: Path) -> tuple[Path, ...]:
    """Folders with colons between, from the current folder on, each once."""
    found = [cwd / one.strip() for one in given.get(name, "").split(":") if one.strip()]
    if len(set(found)) < len(found):
        raise SettingsWrong(f"{name} names a folder twice: each is one volume")
    return tuple(found)


def url(given: Mapping[str, str], name: str) -> str | None:
    """A URL of http or https."""
    if (found := given.get(name)) and not found.startswith(("http://", "https://")):
        raise SettingsWrong(f"{name} must be a URL that begins with http:// or https://")
    return found


def web_origin(given: Mapping[str, str]) -> str | None:
    """The public address of the web service: without a path, and over TLS but on this machine."""
    found = given.get("KRYPTON_WEB_ORIGIN")
    if found and not re.fullmatch(r"https://[a-z0-9.-]+(:[0-9]+)?|http://(127\.0\.0\.1|localhost)(:[0-9]+)?", found):
        raise SettingsWrong(
            f"KRYPTON_WEB_ORIGIN is {found!r}: it must be https:// and a name in small letters, without a path, "
            "as https://images.example.fr"
        )
    return found


def origin(given: Mapping[str, str], default: str) -> str:
    """A log's name."""
    name = given.get("KRYPTON_LOG_ORIGIN", default)
    if any(sign.isspace() or sign == "+" for sign in name):
        raise SettingsWrong("KRYPTON_LOG_ORIGIN must hold no space and no plus sign: log.example.org/ledger, say")
    return name


def yes(given: Mapping[str, str], name: str) -> bool:
    """1 or 0; 1 where it is not set."""
    text = given.get(name, "1")
    if text not in ("0", "1"):
        raise SettingsWrong(f"{name} is {text!r}: it must be 1 or 0")
    return text == "1"


def database(given: Mapping[str, str], cwd: Path, name: str, by_file: str) -> str | None:
    """The URL of a database, which may lie in a file."""
    found, file = given.get(name), given.get(by_file)
    if found and file:
        raise SettingsWrong(f"{name} and {by_file} are both set: unset one")
    if file:
        found = password(cwd / file, by_file)
    if found and not found.startswith("postgresql://"):
        raise SettingsWrong(f"{name} must be a URL: postgresql://user:password@host:port/database")
    return found


def password(file: Path, name: str) -> str:
    """What the file of a password says, or of a URL with one; ``name``: the setting that names it."""
    return _secret(file, name, private.check_password)


def key(file: Path, name: str) -> str:
    """What the file of a key says, or of a PIN that opens one."""
    return _secret(file, name, private.check_key)


def closed(file: Path, name: str, check: Callable[[Path], None]) -> None:
    """Nothing where the file of a secret is closed to others, as ``check`` has it, or not there."""
    try:
        check(file)
    except private.Exposed as exposed:
        raise SettingsWrong(f"{name}: {exposed}") from None
    except OSError:  # whoever reads it says so
        pass


def _secret(file: Path, name: str, check: Callable[[Path], None]) -> str:
    closed(file, name, check)
    try:
        return file.read_text().strip()
    except (OSError, UnicodeDecodeError) as failure:
        raise SettingsWrong(f"{name}: {file} cannot be read: give a file that can") from failure


def ae_title(given: Mapping[str, str], default: str) -> str:
    """An AE title (PS3.5 6.2)."""
    title = given.get("KRYPTON_DICOM_AE", default)
    if len(title) > AE_TITLE_MAX or not title.isascii() or not title.isprintable() or "\\" in title:
        raise SettingsWrong(f"KRYPTON_DICOM_AE must be 1 to {AE_TITLE_MAX} ASCII characters without a backslash")
    return title


def variable(name: str) -> str:
    """The variable of a field."""
    return f"KRYPTON_{name.upper()}"


def whole(given: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    """A whole number within bounds."""
    text = given.get(name, str(default))
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise SettingsWrong(f"{name} is {text!r}: it must be a whole number from {least} to {most}")
    return int(text)


def seconds(given: Mapping[str, str], name: str, default: float) -> float:
    """Seconds, at most a day."""
    try:
        found = float(given.get(name, default))
    except ValueError:
        found = -1.0
    if not 0 < found <= 86_400:
        raise SettingsWrong(f"{name} is {given[name]!r}: it must be seconds, above 0 and at most 86400")
    return found
