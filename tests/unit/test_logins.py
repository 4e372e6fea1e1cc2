"""Who logs in to Kafka, before any broker is asked: rights, password files, and which login a process takes."""

from pathlib import Path

import pytest

from krypton.addresses import Addresses
from krypton.errors import SettingsWrong
from krypton.kafka_login import as_login
from krypton.services import logins
from projections.declared import VIEWS
from streams.broker import broker
from streams.broker.topics import CHECKPOINTS, DEAD_LETTERS, LEDGER


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of logins with the operator's password in it, and the relay's."""
    for user in (broker.OPERATOR, logins.RELAY):
        file = broker.login_file(tmp_path, user)
        file.write_text("hush")
        file.chmod(0o600)
    return tmp_path


def address(folder: Path) -> Addresses:
    """The broker under the operator's login."""
    operator = broker.with_login("a:1,b:2", broker.OPERATOR, broker.login_file(folder, broker.OPERATOR))
    return Addresses(operator, "postgresql://db")


def test_only_the_relay_writes_events() -> None:
    writers = {name for name, rights in logins.rights().items() if set(rights.writes) & set(LEDGER)}
    assert writers == {logins.RELAY}


def test_only_the_notary_writes_checkpoints() -> None:
    assert [name for name, rights in logins.rights().items() if CHECKPOINTS in rights.writes] == [logins.NOTARY]


@pytest.mark.parametrize("view", VIEWS)
def test_a_worker_reads_the_topics_of_its_view_and_no_more(view: str) -> None:
    rights = logins.rights()[logins.worker(view)]
    assert set(rights.reads) == set(VIEWS[view].make().topics)
    assert rights.writes == (DEAD_LETTERS,)


def test_no_groups_of_one_login_are_anothers() -> None:
    begins = [rights.groups for rights in logins.rights().values() if rights.groups]
    assert not [(one, other) for one in begins for other in begins if one != other and one.startswith(other)]


def test_a_process_takes_its_own_login_from_the_folder(folder: Path) -> None:
    found = as_login(address(folder), logins.RELAY)
    wanted = broker.with_login("a:1,b:2", logins.RELAY, broker.login_file(folder, logins.RELAY))
    assert found == Addresses(wanted, "postgresql://db")


def test_who_asks_kafka_for_nothing_has_no_login(folder: Path) -> None:
    assert as_login(address(folder), None).kafka == "a:1,b:2"


def test_a_login_without_a_password_is_named(folder: Path) -> None:
    with pytest.raises(SettingsWrong, match=r"notary\.password, the password of krypton-notary .* krypton init"):
        as_login(address(folder), logins.NOTARY)


@pytest.mark.parametrize("kafka", ["a:1,b:2", "scram://somebody@a:1?password_file=%2Fsecrets%2Fkafka"])
def test_another_kafkas_login_stays_as_it_was_given(kafka: str) -> None:
    """Without a folder of logins, whoever runs that Kafka says who logs in."""
    assert as_login(Addresses(kafka, ""), logins.RELAY).kafka == kafka
    assert logins.install(kafka) is None


def test_a_password_is_made_once_for_its_owner_alone(folder: Path) -> None:
    file = broker.login_file(folder, logins.NOTARY)
    assert logins._make_password(file)
    made = file.read_text()
    assert file.stat().st_mode & 0o077 == 0
    assert not logins._make_password(file)
    assert file.read_text() == made
    assert len(list(folder.iterdir())) == 3  # nothing else is left


def test_a_password_that_cannot_be_made_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(SettingsWrong, match="is missing, and cannot be made"):
        logins._make_password(broker.login_file(tmp_path / "gone", logins.NOTARY))
