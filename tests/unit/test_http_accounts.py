"""Accounts of the web service: nobody signs in whom nobody wrote down, and whoever is taken out is out at once."""

import asyncio
from datetime import date
from pathlib import Path

import pytest

from krypton.errors import SettingsWrong
from krypton.faces.http.accounts import Accounts, read
from krypton.faces.http.problem import Problem
from krypton.faces.http.signing_in import Shown, SignedIn, signed_in
from tests.fakes.web import DOCTOR, OPERATORS, TOKEN, account, accounts_file, digest

PORTAL = "portal.chb.example"
BY_TOKEN = account("portal", DOCTOR, site="CHB", token=digest(TOKEN))
BY_CERTIFICATE = account("pacs", "service:pacs", certificate=PORTAL)
BY_BOTH = account("both", "operator:both", certificate=PORTAL, token=digest(OPERATORS))


def bearer(token: str, *names: str) -> Shown:
    return Shown(names=frozenset(names), authorization=f"Bearer {token}")


def who(accounts: Accounts, shown: Shown) -> SignedIn:
    """Who signs in. Raises Problem."""
    return asyncio.run(signed_in([accounts], shown))


def turned_away(accounts: Accounts, shown: Shown) -> bool:
    with pytest.raises(Problem) as refused:
        who(accounts, shown)
    return refused.value.status == 401 and "Bearer" in refused.value.headers["WWW-Authenticate"]


def accounts(folder: Path, *stated: str, today: date = date(2027, 1, 5)) -> Accounts:
    return Accounts(accounts_file(folder, *stated), folder, lambda: today)


def test_without_a_file_nobody_signs_in(tmp_path: Path) -> None:
    made = Accounts(tmp_path / "accounts.toml", tmp_path)
    for shown in (Shown(), bearer(TOKEN), Shown(frozenset({PORTAL}))):
        assert turned_away(made, shown)


def test_a_token_is_its_accounts(tmp_path: Path) -> None:
    made = accounts(tmp_path, BY_TOKEN, BY_CERTIFICATE)
    assert who(made, bearer(TOKEN)) == SignedIn(DOCTOR, "CHB", "account portal")


@pytest.mark.parametrize(
    "authorization",
    [
        f"Bearer {TOKEN}x",
        f"Bearer  {TOKEN}",
        f"Bearer {TOKEN[:42]}",
        f"Basic {TOKEN}",
        TOKEN,
        "Bearer",
        "Bearer " + "a" * 300,
        f"Bearer {digest(TOKEN)}",
        f"Bearer {digest(TOKEN).partition(':')[2]}",
    ],
)
def test_what_is_no_token_is_nobodys_whatever_certificate_is_beside_it(tmp_path: Path, authorization: str) -> None:
    """Not the digest either: whoever reads the file cannot sign in by it."""
    made = accounts(tmp_path, BY_TOKEN, BY_CERTIFICATE)
    assert turned_away(made, Shown(frozenset({PORTAL}), authorization=authorization))


def test_a_short_token_is_not_looked_up_even_where_its_digest_is_there(tmp_path: Path) -> None:
    made = accounts(tmp_path, account("weak", DOCTOR, token=digest("secret")))
    assert turned_away(made, bearer("secret"))


def test_a_certificate_is_its_accounts_by_any_of_its_names(tmp_path: Path) -> None:
    made = accounts(tmp_path, BY_TOKEN, BY_CERTIFICATE)
    assert who(made, Shown(frozenset({"pacs", PORTAL}))).actor == "service:pacs"
    assert turned_away(made, Shown(frozenset({"other.example"})))


def test_a_certificate_that_names_two_accounts_is_of_neither(tmp_path: Path) -> None:
    made = accounts(tmp_path, BY_CERTIFICATE, account("ris", "service:ris", certificate="ris.example"))
    assert turned_away(made, Shown(frozenset({PORTAL, "ris.example"})))


def test_an_account_with_both_needs_both(tmp_path: Path) -> None:
    made = accounts(tmp_path, BY_BOTH)
    assert who(made, bearer(OPERATORS, PORTAL)).actor == "operator:both"
    for shown in (bearer(OPERATORS), bearer(OPERATORS, "other"), Shown(frozenset({PORTAL}))):
        assert turned_away(made, shown)


def test_an_account_ends_with_its_last_day(tmp_path: Path) -> None:
    stated = BY_TOKEN.replace("2999-12-31", "2027-01-05")
    assert who(accounts(tmp_path, stated), bearer(TOKEN)).actor == DOCTOR
    assert turned_away(accounts(tmp_path, stated, today=date(2027, 1, 6)), bearer(TOKEN))


def test_whoever_is_taken_out_of_the_file_is_out_at_once_and_whoever_is_put_in_is_in(tmp_path: Path) -> None:
    made = accounts(tmp_path, BY_TOKEN)
    accounts_file(tmp_path, BY_CERTIFICATE)
    assert turned_away(made, bearer(TOKEN))
    assert who(made, Shown(frozenset({PORTAL}))).actor == "service:pacs"
    (tmp_path / "accounts.toml").unlink()
    assert turned_away(made, Shown(frozenset({PORTAL})))


def test_a_file_that_is_broken_while_it_serves_lets_nobody_in_and_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = accounts(tmp_path, BY_TOKEN)
    accounts_file(tmp_path, "[accounts.portal")
    assert turned_away(made, bearer(TOKEN))
    assert "accounts.toml is no TOML" in caplog.text
    file = accounts_file(tmp_path, BY_TOKEN)
    assert who(made, bearer(TOKEN)).actor == DOCTOR
    file.chmod(0o666)
    assert turned_away(made, bearer(TOKEN))
    assert "chmod go-w" in caplog.text


def test_a_file_that_others_may_write_is_not_believed(tmp_path: Path) -> None:
    file = accounts_file(tmp_path, BY_TOKEN)
    file.chmod(0o620)
    with pytest.raises(SettingsWrong, match="so the accounts file is not believed: chmod go-w"):
        Accounts(file, tmp_path)


WRONG = {
    "[other]": "may say nothing but",
    "accounts = 3": "may say nothing but",
    account("a", DOCTOR): "by which certificate or token",
    account("a", DOCTOR, token=TOKEN): "token is sha256:",
    account("a", DOCTOR, token=digest(TOKEN).upper()): "token is sha256:",
    account("a", DOCTOR, token=digest(TOKEN)).replace("2999-12-31", '"2999-12-31"'): "until is its last day",
    account("a", DOCTOR, token=digest(TOKEN)).replace("2999-12-31", "2999-12-31T00:00:00"): "until is its last day",
    account("a", DOCTOR, token=digest(TOKEN), role="x"): "and nothing else",
    account("a", DOCTOR, token=""): "are texts",
    account("a", "rpps:*", token=digest(TOKEN)): "actor is none of",
    account("a", "system:relay", token=digest(TOKEN)): "actor is none of",
    account("a", "aet:PACS", token=digest(TOKEN)): "actor is none of",
    BY_TOKEN + account("b", DOCTOR, token=digest(TOKEN)): "the same certificate or token",
    BY_CERTIFICATE + account("b", DOCTOR, certificate=PORTAL): "the same certificate or token",
}


@pytest.mark.parametrize(("text", "said"), WRONG.items(), ids=range(len(WRONG)))
def test_a_file_that_makes_no_sense_stops_the_start_and_says_where(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsWrong, match=said) as wrong:
        read(accounts_file(tmp_path, text), tmp_path)
    assert str(tmp_path / "accounts.toml") in str(wrong.value)
    assert TOKEN not in str(wrong.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    file = tmp_path / "accounts.toml"
    file.mkdir()
    with pytest.raises(SettingsWrong, match="cannot be read"):
        Accounts(file, tmp_path)
