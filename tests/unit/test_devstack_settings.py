"""Settings: what the environment says, and what is refused."""

import base64
from pathlib import Path

import pytest

from krypton.addresses import Addresses, locate
from krypton.errors import ServiceUnavailable, SettingsWrong
from krypton.master_keys import plain_keys
from krypton.settings import Settings
from streams.broker.broker import options
from tests.fakes.private import private

KEY = base64.b64encode(bytes(range(32))).decode()


def addresses(settings: Settings) -> Addresses:
    return locate(settings.home, settings.kafka, settings.database)


def test_an_empty_environment_means_the_embedded_stack_of_this_folder(tmp_path: Path) -> None:
    settings = Settings.read({"KRYPTON_KAFKA": " "}, tmp_path)
    assert settings == Settings(home=tmp_path / ".krypton")
    assert (settings.dicom_ae, settings.dicom_port, settings.registry_port) == ("KRYPTON", 11112, 8081)


def test_a_relative_home_lies_in_the_current_folder_and_an_absolute_one_stands(tmp_path: Path) -> None:
    assert Settings.read({"KRYPTON_HOME": "state"}, tmp_path).home == tmp_path / "state"
    assert Settings.read({"KRYPTON_HOME": "/var/krypton"}, tmp_path).home == Path("/var/krypton")


def test_given_addresses_are_used_and_nothing_else_is_asked(tmp_path: Path) -> None:
    given = {"KRYPTON_KAFKA": "broker:9092", "KRYPTON_DATABASE": "postgresql://db/krypton"}
    found = addresses(Settings.read(given, tmp_path))
    assert found == Addresses("broker:9092", "postgresql://db/krypton")


def test_a_login_for_kafka_is_a_name_and_a_password_file(tmp_path: Path) -> None:
    private(tmp_path / "password", "hush\n")
    given = {
        "KRYPTON_KAFKA": "one:9092,two:9092",
        "KRYPTON_KAFKA_USER": "krypton",
        "KRYPTON_KAFKA_PASSWORD_FILE": "password",
    }
    settings = Settings.read(given, tmp_path)
    assert "hush" not in repr(settings)
    assert options(settings.kafka or "")["sasl_plain_password"] == "hush"


def test_a_database_url_may_come_from_a_secret_file(tmp_path: Path) -> None:
    private(tmp_path / "url", "postgresql://db/krypton\n")
    settings = Settings.read({"KRYPTON_DATABASE_FILE": "url"}, tmp_path)
    assert settings.database == "postgresql://db/krypton"


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"KRYPTON_DICOM_PORT": "none"}, "KRYPTON_DICOM_PORT is 'none': it must be a whole number"),
        ({"KRYPTON_DICOM_PORT": "70000"}, "from 1 to 65535"),
        ({"KRYPTON_BATCH_QUIET_S": "-1"}, "KRYPTON_BATCH_QUIET_S is '-1': it must be seconds"),
        ({"KRYPTON_BATCH_QUIET_S": "nan"}, "KRYPTON_BATCH_QUIET_S is 'nan': it must be seconds"),
        ({"KRYPTON_DICOM_AE": "A" * 17}, "KRYPTON_DICOM_AE must be 1 to 16 ASCII characters"),
        ({"KRYPTON_DEV_SECURE": "yes"}, "KRYPTON_DEV_SECURE is 'yes': it must be 1 or 0"),
        ({"KRYPTON_KAFKA_USER": "krypton"}, "KRYPTON_KAFKA_PASSWORD_FILE: set the missing one"),
        (
            {"KRYPTON_KAFKA": "b:1", "KRYPTON_KAFKA_USER": "krypton", "KRYPTON_KAFKA_PASSWORD_FILE": "gone"},
            "KRYPTON_KAFKA_PASSWORD_FILE: .*gone cannot be read",
        ),
        ({"KRYPTON_DATABASE": "mysql://db"}, "KRYPTON_DATABASE must be a URL: postgresql://"),
        ({"KRYPTON_DATABASE_FILE": "gone"}, "KRYPTON_DATABASE_FILE: .*gone cannot be read"),
        ({"KRYPTON_DATABASE": "x", "KRYPTON_DATABASE_FILE": "y"}, "both set: unset one"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(given: dict[str, str], named: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsWrong, match=named):
        Settings.read(given, tmp_path)


def test_the_master_key_comes_from_the_environment_before_any_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(base64.b64encode(bytes(32)).decode())
    given = {"KRYPTON_MASTER_KEY": KEY, "KRYPTON_MASTER_KEY_FILE": "key"}
    assert plain_keys(Settings.read(given, tmp_path)) == (bytes(range(32)),)


def test_the_master_key_comes_from_a_file_or_from_the_state_folder(tmp_path: Path) -> None:
    private(tmp_path / "key", KEY + "\n")
    private(tmp_path / "master.key", KEY)
    assert plain_keys(Settings.read({"KRYPTON_MASTER_KEY_FILE": "key"}, tmp_path)) == (bytes(range(32)),)
    assert plain_keys(Settings.read({"KRYPTON_HOME": "."}, tmp_path)) == (bytes(range(32)),)


@pytest.mark.parametrize("wrong", [base64.b64encode(b"short").decode(), KEY + "!", "é"])
def test_a_master_key_that_is_none_is_refused_without_showing_it(wrong: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsWrong, match="KRYPTON_MASTER_KEY must hold base64 of exactly 32") as refusal:
        plain_keys(Settings.read({"KRYPTON_MASTER_KEY": wrong}, tmp_path))
    assert wrong not in str(refusal.value)


@pytest.mark.parametrize("text", ["", "\n\n", base64.b64encode(b"short").decode(), f"{KEY}\nand more"])
def test_a_file_of_which_a_line_is_no_master_key_is_named(text: str, tmp_path: Path) -> None:
    private(tmp_path / "key", text)
    with pytest.raises(SettingsWrong, match=r"/key must hold base64 of exactly 32 bytes"):
        plain_keys(Settings.read({"KRYPTON_MASTER_KEY_FILE": "key"}, tmp_path))


def test_a_master_key_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A folder, bytes that are no text, nothing there."""
    (tmp_path / "bytes").touch(0o600)
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    for name in (".", "bytes", "not-there"):
        with pytest.raises(SettingsWrong, match=r"KRYPTON_MASTER_KEY_FILE: .* cannot be read: give a file that can"):
            plain_keys(Settings.read({"KRYPTON_MASTER_KEY_FILE": name}, tmp_path))


def test_a_missing_master_key_has_no_default(tmp_path: Path) -> None:
    with pytest.raises(SettingsWrong, match="no master key: set KRYPTON_MASTER_KEY_FILE"):
        plain_keys(Settings.read({}, tmp_path))


def test_no_secret_shows_when_settings_are_printed(tmp_path: Path) -> None:
    given = {"KRYPTON_DATABASE": "postgresql://u:hush@db/k", "KRYPTON_MASTER_KEY": KEY}
    shown = repr(Settings.read(given, tmp_path))
    assert "hush" not in shown
    assert KEY not in shown


def test_the_service_that_is_down_is_named_with_the_command_that_starts_it(tmp_path: Path) -> None:
    with pytest.raises(ServiceUnavailable, match=r"kafka does not run .*: run krypton dev up"):
        addresses(Settings.read({}, tmp_path))
    with pytest.raises(ServiceUnavailable, match=r"database does not run .*KRYPTON_DATABASE"):
        addresses(Settings.read({"KRYPTON_KAFKA": "broker:9092"}, tmp_path))
