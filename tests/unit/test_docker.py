"""The production shape, read without Docker: what every service must have, and that what it runs exists."""

import re
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from krypton.addresses import Addresses
from krypton.cli.main import build
from krypton.devstack import secure
from krypton.devstack.broker_properties import configuration
from krypton.devstack.home import StackHome
from krypton.devstack.postgres import SETTINGS
from krypton.kafka_login import as_login
from krypton.ports import Ports
from krypton.services.logins import rights, worker
from krypton.settings import Settings
from projections.declared import VIEWS
from streams.broker.broker import OPERATOR, with_login
from tests.fakes.private import private

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text())
DOCKERFILE = (ROOT / "docker" / "Dockerfile").read_text()
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("krypton:")}
LEDGER = {name: service for name, service in OURS.items() if name != "registry"}
BROKER = dict(
    line.split("=", 1)
    for line in (ROOT / "docker" / "kafka.properties").read_text().splitlines()
    if line and not line.startswith("#")
)
every_service = pytest.mark.parametrize("name", SERVICES)


def test_each_process_is_a_service_of_its_own() -> None:
    commands = {name: " ".join(service["command"]) for name, service in OURS.items()}
    workers = {f"worker-{view.replace('_', '-')}": f"worker {view}" for view in VIEWS}
    others = {"init": "init", "relay": "relay", "dicom": "dicom serve", "hl7": "serve hl7"}
    others |= {"registry": "serve registry", "notary": "serve notary", "policies": "policies run"}
    others |= {"health": "serve health", "web": "serve web"}
    assert commands == {**others, **workers}


@pytest.mark.parametrize("name", OURS)
def test_each_command_is_one_of_the_command_line(name: str) -> None:
    assert re.search(r'^ENTRYPOINT \["krypton"\]$', DOCKERFILE, re.MULTILINE)
    command: Any = typer.main.get_command(build())
    for word in OURS[name]["command"]:
        if not hasattr(command, "commands"):
            break  # what follows a command's name are its arguments
        assert word in command.commands
        command = command.commands[word]
    assert not hasattr(command, "commands")


@every_service
def test_each_service_starts_again_after_a_crash(name: str) -> None:
    assert SERVICES[name]["restart"] in ({"on-failure:5"} if name == "init" else {"unless-stopped"})


@every_service
def test_each_service_that_stays_is_asked_for_its_health(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    if name == "init":
        assert check == {"disable": True}
    else:
        assert {"test", "interval", "timeout", "retries", "start_period"} <= set(check)


@every_service
def test_no_service_runs_as_root_or_may_become_it(name: str) -> None:
    assert SERVICES[name]["user"] not in ("", "0", "0:0", "root")
    assert SERVICES[name]["security_opt"] == ["no-new-privileges:true"]
    assert SERVICES[name]["cap_drop"] == ["ALL"]


@every_service
def test_each_image_is_a_named_version(name: str) -> None:
    assert re.fullmatch(r"[a-z/]+:\d+(\.\d+)*", SERVICES[name]["image"])


def test_the_images_are_built_on_a_named_version_and_from_the_lock() -> None:
    assert set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)) == {"python:3.13-slim"}
    syncs = re.findall(r"^RUN uv sync (.*)$", DOCKERFILE, re.MULTILINE)
    assert syncs
    assert all("--locked --no-dev" in sync for sync in syncs)
    assert re.search(r"^USER 10001:10001$", DOCKERFILE, re.MULTILINE)


def test_the_makefile_and_the_image_use_one_uv() -> None:
    wanted = re.search(r"^UV_VERSION := (\S+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert wanted is not None
    assert f"uv=={wanted[1]}\n" in DOCKERFILE


def test_secrets_come_by_file_only() -> None:
    kafka = {"kafka_controller_password", "krypton.password", *(f"{login}.password" for login in rights())}
    assert set(COMPOSE["secrets"]) == {"database_password", "database_url", "master_key", *kafka}
    for service in SERVICES.values():
        for variable, value in service["environment"].items():
            if re.search("PASSWORD|SECRET|KEY|DATABASE|TOKEN", variable):
                assert variable.endswith("_FILE")
                assert value.removeprefix("/run/secrets/") in service["secrets"]


def login_of(name: str) -> str | None:
    """The login at Kafka that a service's process takes."""
    if name.startswith("worker-"):
        return worker(name.removeprefix("worker-").replace("-", "_"))
    return None if name in ("dicom", "hl7") else OPERATOR if name == "init" else f"krypton-{name}"


def test_each_process_has_the_password_of_its_own_login_and_init_makes_them_all() -> None:
    for name, service in OURS.items():
        held = {secret for secret in service["secrets"] if secret.endswith(".password")}
        if name == "init":
            assert held == {f"{login}.password" for login in (OPERATOR, *rights())}
        else:
            own = None if name == "registry" else login_of(name)
            assert held == ({f"{own}.password"} if own else set())


def test_settings_read_what_the_services_are_given(tmp_path: Path) -> None:
    for secret in COMPOSE["secrets"]:
        private(tmp_path / secret, "postgresql://krypton@database/krypton")
    for name, service in LEDGER.items():
        given = {k: v.replace("/run/secrets", str(tmp_path)) for k, v in service["environment"].items()}
        settings = Settings.read(given, tmp_path)
        own = login_of(name)
        address = "kafka:9092" if own is None else with_login("kafka:9092", own, tmp_path / f"{own}.password")
        assert settings.kafka == address
        assert as_login(Addresses(address, ""), own).kafka == address
        assert settings.database == "postgresql://krypton@database/krypton"
        assert settings.master_key_file == tmp_path / "master_key"


def test_the_health_of_every_service_that_needs_the_ledger_is_asked_of_one() -> None:
    """A process's own login may not ask for everything, so one that may answers for all."""
    settings = Settings.read(
        SERVICES["health"]["environment"] | {"KRYPTON_KAFKA_PASSWORD_FILE": "/dev/null", "KRYPTON_DATABASE_FILE": ""},
        Path("/"),
    )
    assert (settings.health_host, settings.health_port) == ("0.0.0.0", 9464)
    for name in ("relay", "notary", "policies", *(name for name in OURS if name.startswith("worker-"))):
        assert "http://health:9464/health" in OURS[name]["healthcheck"]["test"][-1]


def test_the_registry_is_given_no_secret_and_needs_no_other_service() -> None:
    assert SERVICES["registry"]["secrets"] == []
    assert SERVICES["registry"]["depends_on"] == {}
    settings = Settings.read(SERVICES["registry"]["environment"], Path("/"))
    assert (settings.registry_host, settings.registry_port) == ("0.0.0.0", 8081)
    assert SERVICES["registry"]["ports"] == ["8081:8081"]


@pytest.mark.parametrize("name", [name for name in LEDGER if name != "init"])
def test_nothing_starts_before_tables_and_topics_are_made(name: str) -> None:
    waits = OURS[name]["depends_on"]
    assert waits["init"] == {"condition": "service_completed_successfully"}
    assert waits["kafka"] == waits["database"] == {"condition": "service_healthy"}


def test_what_must_last_is_on_a_volume() -> None:
    kept = {name: service["volumes"] for name, service in SERVICES.items() if "volumes" in service}
    assert kept == {
        "kafka": [
            "kafka:/var/lib/kafka/data",
            "./kafka.properties:/etc/krypton/kafka.properties:ro",
            "./kafka.sh:/etc/krypton/kafka.sh:ro",
        ],
        "database": ["database:/var/lib/postgresql"],
        "dicom": ["instances:/var/lib/krypton"],
        "web": ["instances:/var/lib/krypton"],
        "notary": ["log:/var/lib/krypton"],
        "policies": ["instances:/var/lib/krypton", "notices:/var/lib/krypton/notices"],
        "init": ["log:/var/lib/krypton"],  # makes the log's key, and shows it: the very one that the notary signs with
    }
    assert BROKER["log.dirs"] == "/var/lib/kafka/data"
    assert set(COMPOSE["volumes"]) == {"kafka", "database", "instances", "log", "notices"}


def test_the_database_is_crash_safe_and_logs_no_values_as_the_embedded_one() -> None:
    command = SERVICES["database"]["command"]
    for setting in ("log_min_error_statement", "log_error_verbosity", "timezone"):
        assert f"--{setting}={SETTINGS[setting]}" in command
    assert not re.search("fsync|synchronous_commit|full_page_writes", command)


def test_the_broker_keeps_everything_as_the_embedded_one() -> None:
    embedded = dict(line.split("=", 1) for line in configuration(Path("/data"), Ports(1, 2)).splitlines())
    for setting in ("log.retention.ms", "auto.create.topics.enable", "offsets.topic.replication.factor"):
        assert BROKER[setting] == embedded[setting]


def test_the_broker_asks_for_logins_and_holds_to_rights_as_the_embedded_one(tmp_path: Path) -> None:
    home = StackHome(tmp_path)
    secure.make_passwords(home)
    embedded = secure.settings(home)
    for setting in (*secure.rights(), "sasl.enabled.mechanisms", "sasl.mechanism.controller.protocol"):
        assert BROKER[setting] == embedded[setting]
    protocols = {listener.split(":")[1] for listener in BROKER["listener.security.protocol.map"].split(",")}
    assert protocols == {"SASL_PLAINTEXT"}


def test_subscribers_reach_the_broker_by_their_own_listener_alone() -> None:
    assert SERVICES["kafka"]["ports"] == ["9094:9094"]
    assert "SUBSCRIBERS://:9094" in BROKER["listeners"]


def test_the_brokers_configuration_holds_no_password() -> None:
    held = [value for name, value in BROKER.items() if name.endswith("jaas.config")]
    words = {word for value in held for word in re.findall(r'(?:password|user__controller)="([^"]*)"', value)}
    assert words == {"@PASSWORD@", "@CONTROLLER_PASSWORD@"}


def test_only_what_the_image_is_built_from_reaches_the_builder() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    allowed = {line.strip("!/") for line in lines if line.startswith("!")}
    copied = {
        name.rstrip("/")
        for names in re.findall(r"^COPY (?!--)(.+) \S+$", DOCKERFILE, re.MULTILINE)
        for name in names.split()
    }
    assert "*" in lines
    assert allowed == copied


def test_the_web_service_is_reached_by_a_proxy_on_this_host_alone() -> None:
    """In clear: so its port is not published to a network, and what no proxy says came over TLS is refused."""
    assert SERVICES["web"]["ports"] == ["127.0.0.1:8080:8080"]
    given = {name: value for name, value in SERVICES["web"]["environment"].items() if name.startswith("KRYPTON_WEB")}
    settings = Settings.read(given, Path("/var/lib"))
    assert (settings.web_host, settings.web_port) == ("0.0.0.0", 8080)
    assert [str(one) for one in settings.web_proxies] == ["172.16.0.0/12"]
