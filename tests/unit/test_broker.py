"""How clients find the brokers: addresses with and without a login, and that there is one place that reads them."""

import re
from pathlib import Path

import pytest

from krypton.addresses import without_password
from streams.broker import broker

ROOT = Path(__file__).parents[2]
CLIENTS = re.compile(r"(?:Kafka(?:Consumer|Producer|AdminClient)|AIOKafka\w+)\(\s*(?!Any)([^)]*)", re.DOTALL)


@pytest.fixture
def address(tmp_path: Path) -> str:
    """Two brokers that ask for a login."""
    file = tmp_path / "a pass+word é&?"
    file.write_text("hush\n")
    return broker.with_login("one:9092,two:9092", "krypton@région", file)


def test_a_plain_address_is_its_servers() -> None:
    assert broker.options("one:9092,two:9092") == {"bootstrap_servers": ["one:9092", "two:9092"]}


def test_a_login_reaches_kafka_python_and_aiokafka(address: str) -> None:
    assert broker.options(address) == {
        "bootstrap_servers": ["one:9092", "two:9092"],
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "krypton@région",
        "sasl_plain_password": "hush",
    }


def test_a_login_reaches_faust(address: str) -> None:
    options = broker.faust_options(address)
    login = options["broker_credentials"]
    assert options["broker"] == ["kafka://one:9092", "kafka://two:9092"]
    assert (login.username, login.password, login.mechanism.value) == ("krypton@région", "hush", "SCRAM-SHA-512")


def test_faust_is_given_no_login_where_there_is_none() -> None:
    assert broker.faust_options("one:9092") == {"broker": ["kafka://one:9092"]}


def test_an_address_names_the_password_file_and_never_holds_the_password(address: str) -> None:
    assert "hush" not in address


def test_a_screen_shows_the_servers_alone(address: str) -> None:
    assert without_password(address) == "one:9092,two:9092"


@pytest.mark.parametrize("package", ["streams", "krypton", "adapters"])
def test_every_client_is_made_with_these_options(package: str) -> None:
    """One that is not could not log in."""
    made = [
        (path.name, arguments.split(",")[0].strip())
        for path in (ROOT / package).rglob("*.py")
        for arguments in CLIENTS.findall(path.read_text())
    ]
    assert [one for one in made if not one[1].startswith(("**broker.options(", "**options("))] == []
