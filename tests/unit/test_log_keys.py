"""The log's signing key: made before the first checkpoint, and never a second one under the same origin."""

from dataclasses import replace
from pathlib import Path

import pytest

from adapters.notary.keys import SigningKey
from domain.errors import NotFound
from domain.proofs.merkle import EMPTY_ROOT
from domain.proofs.note import Checkpoint, Note
from krypton.errors import SettingsWrong
from krypton.integrity.keys import KeyGone, made, signing_key
from krypton.services.notary import never_a_second_key
from krypton.settings import Settings
from tests.integration.live_cli import CommandLine

ORIGIN = Settings.log_origin


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path)


def checkpoint(key: SigningKey, origin: str = "") -> Note:
    """What the key signed of an empty ledger."""
    text = Checkpoint(origin or key.name, 0, EMPTY_ROOT).text()
    return Note(text, (key.sign(text),))


def test_a_log_that_never_signed_gets_a_key_and_keeps_it(settings: Settings) -> None:
    assert made(settings, list).verifier == made(settings, list).verifier == signing_key(settings).verifier


def test_reading_the_key_never_makes_one(settings: Settings) -> None:
    with pytest.raises(NotFound, match=r"tlog\.key: ask where the notary runs"):
        signing_key(settings)
    assert not settings.log_key.exists()


def test_no_key_is_made_where_the_folder_holds_a_checkpoint(settings: Settings) -> None:
    settings.log_folder.mkdir()
    (settings.log_folder / "checkpoint").write_text(checkpoint(SigningKey.new(ORIGIN)).format())
    with pytest.raises(KeyGone, match="bring the key back"):
        made(settings, list)
    assert not settings.log_key.exists()


def test_no_key_is_made_where_kafka_holds_a_checkpoint_of_the_origin(settings: Settings) -> None:
    note = checkpoint(SigningKey.new(ORIGIN)).format().encode()
    with pytest.raises(KeyGone, match=r"krypton\.checkpoints holds what the key of krypton\.local/ledger signed"):
        made(settings, lambda: [b"nonsense", note])
    assert not settings.log_key.exists()


def test_checkpoints_of_other_logs_are_no_hindrance(settings: Settings) -> None:
    note = checkpoint(SigningKey.new(f"{ORIGIN}2")).format().encode()
    assert made(settings, lambda: [note]).name == ORIGIN


def test_a_key_that_never_signed_does_not_begin_where_another_one_signed(settings: Settings) -> None:
    """A key file from elsewhere, or made on a second machine before the first one signed."""
    key, other = SigningKey.new(ORIGIN), SigningKey.new(ORIGIN)
    with pytest.raises(SettingsWrong, match="another key signed"):
        never_a_second_key(settings, key, None, lambda: [checkpoint(other).format().encode()])
    never_a_second_key(settings, key, None, list)


def test_a_key_that_signed_goes_on_whatever_others_wrote_to_the_topic(settings: Settings) -> None:
    key, other = SigningKey.new(ORIGIN), SigningKey.new(ORIGIN)
    forged = [checkpoint(other).format().encode()]
    never_a_second_key(settings, key, checkpoint(key), lambda: forged)
    settings.log_folder.mkdir()
    (settings.log_folder / "checkpoint").write_text(checkpoint(key).format())
    never_a_second_key(settings, key, None, lambda: forged)


def test_a_key_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file, not a folder")
    with pytest.raises(SettingsWrong, match=r"KRYPTON_LOG_KEY_FILE: .* cannot be"):
        made(Settings(tmp_path, log_key_given=tmp_path / "taken" / "key"), list)


def test_a_key_of_another_origin_is_not_used(settings: Settings) -> None:
    made(settings, list)
    with pytest.raises(SettingsWrong, match="they belong together"):
        signing_key(replace(settings, log_origin="log.example/other"))


def test_showing_the_key_makes_none_and_needs_no_service(tmp_path: Path) -> None:
    elsewhere = CommandLine(tmp_path)
    assert "not found: the log's signing key" in elsewhere.complaint(3, "audit", "checkpoint", "--key")
    key = made(Settings(tmp_path), list).verifier.format()
    said = elsewhere.run("audit", "checkpoint", "--key")
    assert (said.code, said.out.strip()) == (0, key)
    assert "it signed nothing in" in said.err
    assert elsewhere.ask("audit", "checkpoint", "--key") == {"origin": ORIGIN, "key": key}
