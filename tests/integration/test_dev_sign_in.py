"""``krypton dev sign-in`` starts a provider that a browser can use, once; ``dev down`` ends it."""

import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from krypton.cli.dev import app
from krypton.devstack import sign_in
from krypton.devstack.home import StackHome
from krypton.devstack.sign_in import LocalProvider, fetched
from krypton.devstack.teller import Silent
from krypton.errors import ServiceUnavailable
from krypton.home import cache_folder
from krypton.services.sign_in import browsing
from krypton.settings import Settings
from tests.fakes.browsers import SEALING
from tests.waiting import WITHIN_S

pytestmark = pytest.mark.live


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="krypton-dev-sign-in-"))
    for name in ("KRYPTON_KAFKA", "KRYPTON_DATABASE", "KRYPTON_WEB_ORIGIN", "KRYPTON_WEB_PROVIDERS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KRYPTON_HOME", str(made))
    monkeypatch.setenv("KRYPTON_WEB_PORT", "8191")
    yield made
    CliRunner().invoke(app, ["down"])
    shutil.rmtree(made)


def said(*words: str) -> list[str]:
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code == 0, result.exception
    return result.stdout.splitlines()


def test_it_starts_a_provider_once_that_the_web_service_finds(home: Path) -> None:
    lines = said("sign-in")
    assert lines[1] == "sign in at http://127.0.0.1:8191/sign-in"
    issuer = lines[0].removeprefix("provider ")
    described = httpx.get(f"{issuer}/.well-known/openid-configuration", trust_env=False, timeout=WITHIN_S).json()
    assert (described["issuer"], described["acr_values_supported"]) == (issuer, ["eidas1"])
    for name in ("providers.toml", "psc.secret", "provider.json"):
        assert stat.S_IMODE((home / name).stat().st_mode) == 0o600
    provider = LocalProvider(StackHome(home), cache_folder(home), Silent(), "http://127.0.0.1:8191")
    first = provider.process()
    assert said("sign-in") == lines
    assert provider.process() == first
    settings = Settings(home, web_port=8191)
    ours: Any = SimpleNamespace(settings=settings, addresses=SimpleNamespace(database="postgresql:///none"))
    made = browsing(ours, SEALING)
    assert made is not None
    address, _ = made.routes.sign_in.begin("psc", "/")
    assert address.startswith(f"{issuer}/auth?")
    made.close()
    said("down")
    assert provider.process() is None


def test_a_providers_file_that_somebody_wrote_stays_as_it_is(home: Path) -> None:
    (home / "providers.toml").write_text("# mine\n")
    said("sign-in")
    assert (home / "providers.toml").read_text() == "# mine\n"


def test_what_cannot_be_fetched_leaves_nothing_and_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "provider").mkdir()
    for name in sign_in.FILES:
        shutil.copy(sign_in.PROGRAM / name, tmp_path / "provider")
    lock = tmp_path / "provider" / "package-lock.json"
    lock.write_text(lock.read_text().replace("9.13.3", "9.13.2"))  # the lock is not of this package.json
    monkeypatch.setattr(sign_in, "PROGRAM", tmp_path / "provider")
    cache = tmp_path / "cache"
    with pytest.raises(ServiceUnavailable, match="run krypton dev sign-in again"):
        fetched(cache, Silent())
    assert [one.name for one in cache.iterdir()] == ["provider.lock"]
