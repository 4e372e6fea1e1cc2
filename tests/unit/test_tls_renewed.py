"""A certificate that is renewed in its files is given to new connections; one that cannot be used is not taken."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from krypton.services import tls
from krypton.services.web import protocol
from krypton.settings import Settings
from tests.fakes.certificates import Authority, Issued
from tests.fakes.http_server import serving
from tests.fakes.private import private
from tests.fakes.web import wired
from tests.unit.test_http_server import trusting
from tests.waiting import WITHIN_S


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    (folder := tmp_path / "certificates").mkdir()
    return Authority(folder)


@pytest.fixture
def port(tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A service whose certificate is of ``first``; it looks at the files for each connection."""
    monkeypatch.setattr(tls, "LOOK_S", 0.0)
    put(tmp_path, authority.issue("first"))
    files = {"KRYPTON_WEB_TLS_CERT_FILE": "web.pem", "KRYPTON_WEB_TLS_KEY_FILE": "web.key"}
    with wired(tmp_path) as web, serving(web.app, protocol(Settings.read(files, tmp_path))) as opened:
        yield opened


def put(folder: Path, issued: Issued) -> None:
    """Its files, where the settings have them."""
    (folder / "web.pem").write_bytes(issued.certificate.read_bytes())
    private(folder / "web.key", issued.key.read_text())


def shown(port: int, authority: Authority) -> Any:
    """The common name in the certificate that a new connection is given."""
    with (
        socket.create_connection(("127.0.0.1", port), WITHIN_S) as plain,
        trusting(authority).wrap_socket(plain, server_hostname="127.0.0.1") as wire,
    ):
        certificate: Any = wire.getpeercert()
    return certificate["subject"][0][0][1]


def test_a_new_connection_is_given_the_new_certificate(tmp_path: Path, port: int, authority: Authority) -> None:
    assert shown(port, authority) == "first"
    put(tmp_path, authority.issue("second"))
    assert shown(port, authority) == "second"


def test_a_pair_that_does_not_fit_is_not_taken_and_is_once_it_does(
    tmp_path: Path, port: int, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    """As while somebody replaces one file after the other."""
    second = authority.issue("second")
    (tmp_path / "web.pem").write_bytes(second.certificate.read_bytes())
    assert shown(port, authority) == "first"
    assert "of the web service cannot be used" in caplog.text
    put(tmp_path, second)
    assert shown(port, authority) == "second"


def test_a_key_that_others_may_read_is_not_taken_until_they_may_not(
    tmp_path: Path, port: int, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    put(tmp_path, authority.issue("second"))
    (tmp_path / "web.key").chmod(0o644)
    assert shown(port, authority) == "first"
    assert "chmod 640" in caplog.text
    (tmp_path / "web.key").chmod(0o600)
    assert shown(port, authority) == "second"


def test_files_that_are_gone_change_nothing(tmp_path: Path, port: int, authority: Authority) -> None:
    for name in ("web.pem", "web.key"):
        (tmp_path / name).unlink()
    assert shown(port, authority) == "first"
