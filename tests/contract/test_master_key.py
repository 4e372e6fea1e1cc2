"""What the vault asks of a master key, held by the one from a file and the one in a security module alike.

The module is SoftHSM2, where it is installed.
"""

import importlib
import os
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from uuid import uuid4

import pytest

from adapters.vault import rewrap
from adapters.vault.file_key import FileKey
from adapters.vault.postgres import PostgresVault
from adapters.vault.ring import Ring
from domain.errors import KeyBroken, StoreAway, WrongMasterKey
from domain.ports import MasterKey
from krypton.addresses import Addresses
from krypton.bootstrap import Krypton
from krypton.errors import SettingsWrong
from krypton.settings import Settings
from tests.fakes import softhsm
from tests.fakes.private import private

TOKEN, PIN, KEY, OTHER = "krypton-test", "1234", "master", "master-2"
AAD, PLAIN = b"study.arrived|1|1|description", b"SCANNER"


@pytest.fixture(scope="session")
def configured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the library reads when it is initialised: one token for all, for a process logs in once."""
    return softhsm.token_in(tmp_path_factory.mktemp("softhsm"), TOKEN, PIN, (KEY, OTHER))


@pytest.fixture(scope="session")
def module(configured: Path) -> Path:
    """The library of SoftHSM2."""
    os.environ[softhsm.CONF] = str(configured)
    return softhsm.library()


def settings(module: Path, folder: Path, **change: str) -> dict[str, str]:
    """The environment of a process whose master key is on the token."""
    private(folder / "pin", f"{PIN}\n")
    named = {"MODULE": str(module), "TOKEN": TOKEN, "KEY": KEY, "PIN_FILE": "pin"} | change
    return {"KRYPTON_HOME": ".", **{f"KRYPTON_PKCS11_{name}": value for name, value in named.items()}}


def ring(module: Path, folder: Path, **change: str) -> Ring:
    """The master keys of such a process."""
    read = Settings.read(settings(module, folder, **change), folder)
    return Krypton(read, Addresses("nowhere:1", "postgresql://nowhere")).ring


@pytest.fixture(params=["file", "token"])
def key(request: pytest.FixtureRequest, tmp_path: Path) -> MasterKey:
    """A master key."""
    if request.param == "file":
        return FileKey(os.urandom(32))
    return ring(request.getfixturevalue("module"), tmp_path).first


def test_what_was_wrapped_unwraps(key: MasterKey) -> None:
    subject, secret = str(uuid4()), os.urandom(32)
    wrapped = key.wrap(subject, secret)
    assert key.unwrap(subject, wrapped) == secret
    assert secret not in wrapped
    assert key.wrap(subject, secret) != wrapped


def test_a_wrapped_key_is_its_subjects_alone(key: MasterKey) -> None:
    """So that rows of the vault cannot change places."""
    wrapped, other = key.wrap(str(uuid4()), os.urandom(32)), str(uuid4())
    with pytest.raises(KeyBroken, match=f"key of subject {other} does not open"):
        key.unwrap(other, wrapped)


@pytest.mark.parametrize("damage", [lambda w: w[:-1] + bytes([w[-1] ^ 1]), lambda w: w[:20], lambda w: b""])
def test_an_altered_one_does_not_unwrap(key: MasterKey, damage: object) -> None:
    subject = str(uuid4())
    assert callable(damage)
    with pytest.raises(KeyBroken):
        key.unwrap(subject, damage(key.wrap(subject, os.urandom(32))))
    assert key.unwrap(subject, key.wrap(subject, PLAIN)) == PLAIN  # and it goes on


def test_another_key_does_not_unwrap(module: Path, tmp_path: Path) -> None:
    subject = str(uuid4())
    wrapped = ring(module, tmp_path, KEY=OTHER).first.wrap(subject, os.urandom(32))
    with pytest.raises(KeyBroken):
        ring(module, tmp_path).first.unwrap(subject, wrapped)


def test_a_token_that_forgot_its_sessions_is_asked_in_a_new_one(
    module: Path, configured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that was switched off and on: processes go on without a start."""
    key, subject, secret = ring(module, tmp_path).first, str(uuid4()), os.urandom(32)
    wrapped = key.wrap(subject, secret)
    library = importlib.import_module("pkcs11").lib(str(module))
    monkeypatch.setenv("SOFTHSM2_CONF", str(configured))
    library.reinitialize()
    assert key.unwrap(subject, wrapped) == secret
    library.reinitialize()
    assert key.unwrap(subject, key.wrap(subject, secret)) == secret


@pytest.fixture
def unplugged(module: Path, configured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MasterKey]:
    """The key of a token that answered once, and was pulled out."""
    monkeypatch.setenv("SOFTHSM2_CONF", str(configured))
    key = importlib.import_module("adapters.vault.token_key").Token(module, TOKEN, PIN).key(KEY)
    (there,) = (configured.parent / "tokens").iterdir()
    pull_out(module, there, tmp_path)
    yield key
    with suppress(FileNotFoundError):
        (tmp_path / "pulled").rename(there)
    importlib.import_module("pkcs11").lib(str(module)).reinitialize()


def pull_out(module: Path, token: Path, to: Path) -> None:
    """The library sees that a token is away when it is started again."""
    token.rename(to / "pulled")
    importlib.import_module("pkcs11").lib(str(module)).reinitialize()


def test_a_token_that_was_pulled_out_is_waited_for_and_asked_again_once_it_is_back(
    unplugged: MasterKey, configured: Path, tmp_path: Path
) -> None:
    """It is no wrong setting any more: processes wait, as for a database."""
    subject, secret = str(uuid4()), os.urandom(32)
    for call in (unplugged.wrap, unplugged.unwrap):
        with pytest.raises(StoreAway, match=rf"the token {TOKEN} of .* does not answer any more"):
            call(subject, os.urandom(60))
    (tmp_path / "pulled").rename(configured.parent / "tokens" / "back")
    assert unplugged.unwrap(subject, unplugged.wrap(subject, secret)) == secret


@pytest.mark.live
def test_a_vault_whose_token_is_away_says_so_though_its_database_answers(
    unplugged: MasterKey, module: Path, configured: Path, tmp_path: Path, database_url: str
) -> None:
    """Else a policy would take it for the fault of what it was doing, and park that."""
    there = configured.parent / "tokens" / "back"
    (tmp_path / "pulled").rename(there)
    with closing(PostgresVault(database_url, Ring.of(unplugged), beside_events=True)) as vault:
        vault.create()
        vault.reach()
        pull_out(module, there, tmp_path)
        with pytest.raises(StoreAway):
            vault.reach()


def test_a_wrong_pin_is_tried_once(module: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token locks itself after a few."""
    pkcs11, tried = importlib.import_module("pkcs11"), []

    class Locking:
        def get_token(self, **_: str) -> "Locking":
            return self

        def open(self, user_pin: str) -> None:
            tried.append(user_pin)
            raise pkcs11.PinIncorrect

    monkeypatch.setattr(pkcs11, "lib", lambda _: Locking())
    with pytest.raises(WrongMasterKey, match=r"cannot be used \(PinIncorrect\)"):
        importlib.import_module("adapters.vault.token_key").Token(module, TOKEN, "9999").key(KEY)
    assert tried == ["9999"]


def test_a_key_that_the_token_does_not_have_is_named(module: Path, tmp_path: Path) -> None:
    with pytest.raises(WrongMasterKey, match="the token krypton-test has no AES key lost"):
        _ = ring(module, tmp_path, KEY="lost").first


def test_a_token_that_cannot_be_used_names_its_settings(module: Path, tmp_path: Path) -> None:
    with pytest.raises(WrongMasterKey, match=r"the token other of .* cannot be used .* check KRYPTON_PKCS11_MODULE"):
        _ = ring(module, tmp_path, TOKEN="other").first


def test_a_token_needs_all_of_its_settings(tmp_path: Path) -> None:
    given = settings(Path("/lib.so"), tmp_path)
    del given["KRYPTON_PKCS11_PIN_FILE"]
    with pytest.raises(SettingsWrong, match="needs KRYPTON_PKCS11_PIN_FILE too"):
        Settings.read(given, tmp_path)


@pytest.mark.live
def test_a_vault_goes_from_a_file_to_a_token_and_to_another_key_of_it(
    module: Path, tmp_path: Path, database_url: str
) -> None:
    """A process that ran before the change finds the token's other key by the name that the vault has."""
    private(tmp_path / "master.key", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
    first = FileKey(bytes(range(32)))
    subject = str(uuid4())
    with closing(PostgresVault(database_url, Ring.of(first), beside_events=True)) as vault:
        vault.create()
        vault.prepare((), (subject,))
        sealed = vault.seal(subject, PLAIN, AAD)
    assert rewrap.rewrap(database_url, ring(module, tmp_path)).name == f"pkcs11:{TOKEN}/{KEY}"
    (tmp_path / "master.key").unlink()
    with closing(PostgresVault(database_url, ring(module, tmp_path), beside_events=True)) as vault:
        vault.check()
        rewrap.rewrap(database_url, ring(module, tmp_path, KEY=OTHER))
        assert vault.unseal(subject, sealed, AAD) == PLAIN
        new = str(uuid4())
        vault.prepare((), (new,))
        assert vault.holds(new)
    assert [state.keys for state in rewrap.states(database_url)] == [0, 0, 2]


@pytest.fixture(autouse=True)
def _config() -> Iterator[None]:
    """The library reads SOFTHSM2_CONF once; programs that other tests start need none."""
    yield
    os.environ.pop("SOFTHSM2_CONF", None)
