"""A secret in a file that others may read, change or replace is used by nobody, and what mends it is told."""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters import private as files
from adapters.notary.keys import SigningKey
from krypton import master_keys
from krypton.addresses import Addresses
from krypton.bootstrap import Krypton
from krypton.devstack.home import StackHome
from krypton.errors import SettingsWrong
from krypton.integrity.keys import signing_key
from krypton.kafka_login import as_login
from krypton.services.hl7 import tls
from krypton.settings import Settings
from streams.broker.broker import OPERATOR, login_file, with_login
from tests.fakes.certificates import Authority
from tests.fakes.private import private
from tests.integration.live_cli import CommandLine

KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
OPEN = (0o640, 0o620, 0o604, 0o602, 0o644, 0o666)
Read = Callable[[Path], Any]


def master_key(folder: Path) -> Path:
    return private(folder / "master_key", KEY)


def read_master_key(file: Path) -> None:
    master_keys.plain_keys(Settings.read({"KRYPTON_MASTER_KEY_FILE": str(file)}, file.parent))


def embedded_key(folder: Path) -> Path:
    return private(folder / "master.key", KEY)


def read_embedded_key(file: Path) -> None:
    master_keys.plain_keys(Settings(file.parent))


def pin(folder: Path) -> Path:
    return private(folder / "pin", "1234")


def read_pin(file: Path) -> None:
    master_keys.pin(Settings(file.parent, pkcs11_pin_file=file))


def tree_key(folder: Path) -> Path:
    SigningKey.new(Settings.log_origin).store(folder / "tlog.key")
    return folder / "tlog.key"


def read_tree_key(file: Path) -> None:
    signing_key(Settings(file.parent))


KEYS = {
    "master key": (master_key, read_master_key),
    "master key of the embedded stack": (embedded_key, read_embedded_key),
    "PIN": (pin, read_pin),
    "signing key": (tree_key, read_tree_key),
}


@pytest.mark.parametrize("mode", OPEN)
@pytest.mark.parametrize("which", KEYS)
def test_a_key_that_others_may_read_or_write_is_used_by_nobody(which: str, mode: int, tmp_path: Path) -> None:
    make, read = KEYS[which]
    file = make(tmp_path)
    read(file)
    file.chmod(mode)
    with pytest.raises(SettingsWrong, match=f"{file} has mode {mode:04o}, .*: chmod 600 {file}"):
        read(file)
    file.chmod(0o600)
    read(file)


@pytest.mark.parametrize("mode", [0o770, 0o775, 0o757, 0o777, 0o1777])
@pytest.mark.parametrize("which", KEYS)
def test_a_key_in_a_folder_that_others_may_write_to_is_used_by_nobody(which: str, mode: int, tmp_path: Path) -> None:
    """They could put another key there."""
    make, read = KEYS[which]
    folder = tmp_path / "keys"
    folder.mkdir()
    file = make(folder)
    folder.chmod(mode)
    with pytest.raises(SettingsWrong, match=f"{folder} has mode {mode:04o}, .*: chmod go-w {folder}"):
        read(file)
    files.close_to_writers(folder)
    read(file)


def test_a_link_to_a_key_is_as_safe_as_the_folders_of_both(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    link = tmp_path / "master_key"
    link.symlink_to(master_key(tmp_path / "kept"))
    read_master_key(link)
    (tmp_path / "kept").chmod(0o777)
    with pytest.raises(SettingsWrong, match=f"chmod go-w {tmp_path / 'kept'}"):
        read_master_key(link)


def password_file(folder: Path) -> Path:
    return private(folder / "password", "hush")


def read_password(file: Path) -> None:
    given = {"KRYPTON_KAFKA": "b:1", "KRYPTON_KAFKA_USER": "x", "KRYPTON_KAFKA_PASSWORD_FILE": str(file)}
    Settings.read(given, file.parent)


def login(folder: Path) -> Path:
    return private(login_file(folder, OPERATOR), "hush")


def read_login(file: Path) -> None:
    as_login(Addresses(with_login("b:1", OPERATOR, file), ""), OPERATOR)


def database(folder: Path) -> Path:
    return private(folder / "url", "postgresql://krypton:hush@db/krypton")


def read_database(file: Path) -> None:
    Settings.read({"KRYPTON_DATABASE_FILE": str(file)}, file.parent)


def read_vault(file: Path) -> None:
    Settings.read({"KRYPTON_VAULT_DATABASE_FILE": str(file)}, file.parent)


def tls_key(folder: Path) -> Path:
    return Authority(folder).issue("krypton").key


def read_tls_key(file: Path) -> None:
    tls(Settings(file.parent, hl7_tls_cert_file=file.with_suffix(".pem"), hl7_tls_key_file=file))


PASSWORDS = {
    "password of a login": (password_file, read_password),
    "login of a process": (login, read_login),
    "database": (database, read_database),
    "vault's database": (database, read_vault),
    "key of a certificate": (tls_key, read_tls_key),
}


@pytest.mark.parametrize("mode", [0o660, 0o644, 0o642, 0o641])
@pytest.mark.parametrize("which", PASSWORDS)
def test_a_password_that_others_may_read_or_a_group_may_change_is_used_by_nobody(
    which: str, mode: int, tmp_path: Path
) -> None:
    """A group may read it: in docker/ two accounts of one machine need the operator's."""
    make, read = PASSWORDS[which]
    file = make(tmp_path)
    file.chmod(0o640)
    read(file)
    file.chmod(mode)
    with pytest.raises(SettingsWrong, match=f"{file} has mode {mode:04o}, .*: chmod 640 {file}"):
        read(file)


def test_what_is_no_file_has_no_mode_that_says_anything(tmp_path: Path) -> None:
    """A password may come through a pipe, or be none."""
    os.mkfifo(tmp_path / "pipe", 0o644)
    files.check_password(tmp_path / "pipe")
    files.check_password(Path(os.devnull))


def test_a_command_ends_at_once_and_names_the_file_its_mode_and_what_to_do(tmp_path: Path) -> None:
    file = master_key(tmp_path)
    file.chmod(0o644)
    given = {"KRYPTON_KAFKA": "127.0.0.1:1", "KRYPTON_DATABASE": "postgresql://127.0.0.1:1/x"}
    command = CommandLine(tmp_path, (*given.items(), ("KRYPTON_MASTER_KEY_FILE", str(file))))
    said = command.complaint(2, "vault", "rewrap")
    assert said.startswith(f"settings: KRYPTON_MASTER_KEY_FILE: {file} has mode 0644, so others may read or change it")
    assert f"chmod 600 {file}" in said
    assert KEY not in said


def test_whoever_seals_nothing_yet_is_told_too(tmp_path: Path) -> None:
    """A process that starts looks at the key before it serves."""
    embedded_key(tmp_path).chmod(0o604)
    with pytest.raises(SettingsWrong, match="has mode 0604"):
        _ = Krypton(Settings(tmp_path), Addresses("b:1", "postgresql://db")).ring


def test_the_development_stack_makes_a_folder_in_which_nobody_else_puts_keys(tmp_path: Path) -> None:
    """Also where folders are made for a group, or one was before."""
    home = StackHome(tmp_path / "state")
    before = os.umask(0o002)
    try:
        home.prepare(min_free_bytes=0)
    finally:
        os.umask(before)
    assert stat.S_IMODE(home.root.stat().st_mode) & files.OTHERS_MAY_WRITE == 0
    home.root.chmod(0o777)
    home.prepare(min_free_bytes=0)
    assert stat.S_IMODE(home.root.stat().st_mode) & files.OTHERS_MAY_WRITE == 0


def test_a_signing_key_makes_a_folder_in_which_nobody_else_puts_keys(tmp_path: Path) -> None:
    before = os.umask(0o002)
    try:
        file = tree_key(tmp_path / "new")
    finally:
        os.umask(before)
    read_tree_key(file)
