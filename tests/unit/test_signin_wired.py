"""What the web service says at its start where sign-in of browsers cannot work as it is set."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from krypton.errors import SettingsWrong
from krypton.services.sign_in import asked, browsing
from krypton.settings import Settings
from tests.fakes.browsers import SEALING, stated
from tests.unit.test_signin_providers import file


def ours(folder: Path, **given: Any) -> Any:
    return SimpleNamespace(settings=Settings(folder, **given), addresses=SimpleNamespace(database="postgresql:///none"))


def secret(folder: Path, mode: int = 0o600) -> None:
    (folder / "psc.secret").write_text("fictitious secret\n")
    (folder / "psc.secret").chmod(mode)


def test_without_a_providers_file_no_browser_signs_in(tmp_path: Path) -> None:
    assert browsing(ours(tmp_path), SEALING) is None


def test_the_public_address_is_this_machines_where_nobody_else_can_ask(tmp_path: Path) -> None:
    file(tmp_path)
    secret(tmp_path)
    made = browsing(ours(tmp_path, web_port=8090), SEALING)
    assert made is not None
    assert made.routes.sign_in.origin == "http://127.0.0.1:8090"
    made.close()


@pytest.mark.parametrize("given", [{"web_host": "0.0.0.0"}, {"web_tls_cert_file": Path("/nowhere.pem")}])
def test_where_a_network_asks_the_public_address_must_be_set(tmp_path: Path, given: dict[str, Any]) -> None:
    file(tmp_path)
    secret(tmp_path)
    with pytest.raises(SettingsWrong, match="set KRYPTON_WEB_ORIGIN"):
        browsing(ours(tmp_path, **given), SEALING)
    made = browsing(ours(tmp_path, **given, web_origin="https://images.example"), SEALING)
    assert made is not None
    made.close()


def test_a_secret_that_others_may_read_or_that_is_not_there_is_refused(tmp_path: Path) -> None:
    file(tmp_path)
    with pytest.raises(SettingsWrong, match="secret_file of the provider psc"):
        browsing(ours(tmp_path), SEALING)
    secret(tmp_path, 0o644)
    with pytest.raises(SettingsWrong, match="secret_file of the provider psc"):
        browsing(ours(tmp_path), SEALING)


def test_a_provider_is_told_where_to_send_browsers_back_to(tmp_path: Path) -> None:
    secret(tmp_path)
    made = asked(stated("psc", "professionals", secret_file=tmp_path / "psc.secret"), "https://images.example")
    assert (made.back, made.secret) == ("https://images.example/sign-in/back/psc", "fictitious secret")


@pytest.mark.parametrize(
    "origin",
    [
        "http://images.example",
        "https://images.example/",
        "https://Images.example",
        "https://a b",
        "images.example",
        "*",
    ],
)
def test_an_address_that_is_no_origin_is_refused(tmp_path: Path, origin: str) -> None:
    with pytest.raises(SettingsWrong, match="KRYPTON_WEB_ORIGIN"):
        Settings.read({"KRYPTON_WEB_ORIGIN": origin}, tmp_path)
