"""The secure profile before any broker starts: what is written where, and whom the properties trust."""

from pathlib import Path

import pytest

from krypton.devstack import secure
from krypton.devstack.broker_properties import configuration
from krypton.devstack.home import StackHome
from krypton.ports import Ports

PLAIN = configuration(Path("/data"), Ports(1, 2))


@pytest.fixture
def home(tmp_path: Path) -> StackHome:
    """A state folder of the profile."""
    found = StackHome(tmp_path)
    secure.make_passwords(found)
    return found


def test_passwords_are_made_once_and_for_their_owner_alone(home: StackHome) -> None:
    before = home.kafka_password.read_text()
    secure.make_passwords(home)
    assert home.kafka_password.read_text() == before != home.kafka_controller_password.read_text()
    assert home.kafka_password.stat().st_mode & 0o077 == 0


def test_every_listener_asks_for_a_login(home: StackHome) -> None:
    written = configuration(Path("/data"), Ports(1, 2), secure.settings(home))
    assert "listener.security.protocol.map=CLIENTS:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT\n" in written
    assert "allow.everyone.if.no.acl.found=false\n" in written


def test_the_super_users_are_our_own_two(home: StackHome) -> None:
    assert secure.settings(home)["super.users"] == "User:krypton;User:_controller"


def test_beside_logins_both_profiles_say_the_same(home: StackHome) -> None:
    other = configuration(Path("/data"), Ports(1, 2), secure.settings(home)).splitlines()
    changed = {line.split("=")[0] for line in PLAIN.splitlines() if line not in other}
    assert changed == {"listener.security.protocol.map"}


def test_the_format_learns_the_password_from_a_file_that_is_its_owners(home: StackHome, tmp_path: Path) -> None:
    (argument,) = secure.format_arguments(home, tmp_path)
    assert home.kafka_password.read_text().strip() not in argument
    assert Path(argument.removeprefix("@")).stat().st_mode & 0o077 == 0
