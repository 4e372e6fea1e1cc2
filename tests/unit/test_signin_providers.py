"""The providers file: what it may say, and what is said of one that says something else."""

from pathlib import Path

import pytest

from krypton.errors import SettingsWrong
from krypton.faces.signin.providers import read

GOOD = {
    "kind": "professionals",
    "title": "Pro Santé Connect",
    "issuer": "https://auth.example/realms/esante-wallet",
    "client": "krypton",
    "secret_file": "psc.secret",
}


def file(folder: Path, name: str = "psc", more: str = "", **changed: str | None) -> Path:
    """A file with one provider; None leaves a line out."""
    folder.chmod(0o700)
    lines = [f'{key} = "{value}"' for key, value in (GOOD | changed).items() if value is not None]
    made = folder / "providers.toml"
    made.write_text("\n".join([f"[providers.{name}]", *lines, more]))
    made.chmod(0o600)
    return made


def test_what_it_does_not_say_is_as_usual_for_the_kind(tmp_path: Path) -> None:
    found = read(file(tmp_path), tmp_path)["psc"]
    assert (found.scope, found.acr, found.claim) == ("openid scope_all", ("eidas1",), "")
    assert found.secret_file == tmp_path / "psc.secret"
    patients = read(file(tmp_path, kind="patients"), tmp_path)["psc"]
    assert (patients.scope, patients.acr, patients.claim) == ("openid", ("eidas1",), "ins")
    staff = read(file(tmp_path, kind="staff"), tmp_path)["psc"]
    assert (staff.acr, staff.claim, staff.people) == ((), "", {})


def test_it_may_say_levels_scope_authorities_and_peoples_roles(tmp_path: Path) -> None:
    people = '[providers.psc.people]\n"7d3f" = ["auditor:dpo"]'
    told = file(tmp_path, kind="staff", more=people, acr="eidas1 eidas2", scope="openid x", authorities="ca.pem")
    found = read(told, tmp_path)["psc"]
    assert (found.acr, found.scope, found.authorities) == (("eidas1", "eidas2"), "openid x", tmp_path / "ca.pem")
    assert found.people == {"7d3f": ("auditor:dpo",)}
    assert read(file(tmp_path, acr=""), tmp_path)["psc"].acr == ()


def test_without_a_file_nobody_is_stated(tmp_path: Path) -> None:
    assert read(tmp_path / "providers.toml", tmp_path) == {}


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"kind": "friends"}, "kind is one of professionals, patients, staff"),
        ({"kind": None}, "at least"),
        ({"issuer": "http://auth.example"}, "begins with https://"),
        ({"issuer": "http://localhost.example/"}, "begins with https://"),
        ({"secret": "s3cr3t"}, "nothing else"),
        ({"name": "PSC"}, "small letters"),
        ({"name": "choose"}, "is not back or choose"),
        ({"more": 'claim = ["a"]'}, "each a text"),
        ({"more": "[providers.psc.people]\na = 1"}, "people are lines such as"),
        ({"more": "[other]"}, "nothing but"),
        ({"more": "["}, "is no TOML"),
        (
            {"more": "[providers.two]\n" + "\n".join(f'{key} = "{value}"' for key, value in GOOD.items())},
            "one client of one issuer twice",
        ),
    ],
)
def test_a_file_that_says_something_else_is_refused_and_says_where(
    tmp_path: Path, changed: dict[str, str], says: str
) -> None:
    with pytest.raises(SettingsWrong, match=says) as raised:
        read(file(tmp_path, **changed), tmp_path)
    assert str(tmp_path / "providers.toml") in str(raised.value)


def test_one_that_others_may_write_is_not_believed(tmp_path: Path) -> None:
    told = file(tmp_path)
    told.chmod(0o622)
    with pytest.raises(SettingsWrong, match="not believed"):
        read(told, tmp_path)


def test_a_provider_on_this_machine_may_be_asked_in_clear(tmp_path: Path) -> None:
    for issuer in ("http://127.0.0.1:8400", "http://localhost:8400/x"):
        assert read(file(tmp_path, issuer=issuer), tmp_path)["psc"].issuer == issuer
