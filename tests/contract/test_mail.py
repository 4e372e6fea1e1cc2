"""Notices by mail, to a mail server on this machine: encrypted, with a reference and a link, and nobody's data."""

import smtplib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from adapters.notices.mail import ANSWER_S, Mail, MailServer, NoMail
from domain.errors import NotDelivered
from domain.notices import Notice
from krypton.errors import SettingsWrong
from krypton.mail import read
from tests.fakes import smtp_server
from tests.fakes.certificates import Authority
from tests.waiting import WITHIN_S

ALERT, STUDY = UUID(int=5), UUID(int=6)
BODY = {"alert": str(ALERT), "study": str(STUDY), "site": "CHB", "kind": "skin-12-weeks", "rule": "dose-alerts@2"}
RAISED = Notice(UUID(int=1), "mail_dose_alert_raised", "alerts", 42, BODY)
WITHDRAWN = Notice(UUID(int=2), "mail_dose_alert_withdrawn", "alerts", 43, BODY | {"why": "corrected"})


@pytest.fixture
def taker(tmp_path: Path) -> Iterator[smtp_server.MailServer]:
    made = smtp_server.MailServer(Authority(tmp_path).issue("mail.essai"))
    yield made
    made.close()


@pytest.fixture
def server(taker: smtp_server.MailServer, tmp_path: Path) -> MailServer:
    to = {"CHB": ["b@chb.example"], "CHP": ["p@chp.example"], "*": ["all@region.example", "b@chb.example"]}
    return MailServer(
        "127.0.0.1",
        taker.port,
        "krypton@region.example",
        to,
        authorities=tmp_path / "essai.pem",
        origin="https://images.example",
    )


def mail(server: MailServer) -> Mail:
    return Mail(server, timeout_s=WITHIN_S)


def test_an_alert_is_told_to_the_people_of_its_establishment_and_of_all(
    taker: smtp_server.MailServer, server: MailServer
) -> None:
    mail(server).deliver(RAISED)
    (taken,) = taker.taken
    assert (taken.encrypted, sorted(taken.recipients)) == (True, ["all@region.example", "b@chb.example"])
    text = taken.message.get_content()
    assert str(ALERT) in text
    assert f"https://images.example/studies/{STUDY}" in text


def test_each_mail_has_the_id_of_its_notice_also_when_it_comes_twice(
    taker: smtp_server.MailServer, server: MailServer
) -> None:
    for notice in (RAISED, WITHDRAWN, RAISED):
        mail(server).deliver(notice)
    ids = [f"<{one.id}@region.example>" for one in (RAISED, WITHDRAWN, RAISED)]
    assert taker.ids() == ids
    assert [str(one.message["Subject"]) for one in taker.taken][1] == (
        "Krypton: alerte de dose retirée / dose alert withdrawn"
    )


def test_where_no_web_service_is_set_the_command_is_told(taker: smtp_server.MailServer, server: MailServer) -> None:
    mail(replace(server, origin=None)).deliver(RAISED)
    assert f"krypton dose alerts --alert {ALERT}" in taker.taken[0].message.get_content()


def test_a_login_is_given_once_the_session_is_encrypted(taker: smtp_server.MailServer, server: MailServer) -> None:
    mail(replace(server, user="krypton", password="correct horse")).deliver(RAISED)
    assert taker.taken[0].login == "krypton|correct horse"


def test_one_recipient_who_is_refused_holds_up_no_other(taker: smtp_server.MailServer, server: MailServer) -> None:
    """Nor gets the others the mail again."""
    taker.refused.add("b@chb.example")
    mail(server).deliver(RAISED)
    assert taker.taken[0].recipients == ("all@region.example",)


def test_a_mail_that_nobody_takes_is_not_delivered(taker: smtp_server.MailServer, server: MailServer) -> None:
    taker.refused |= {"b@chb.example", "all@region.example"}
    with pytest.raises(NotDelivered, match=r"^smtp: SMTPRecipientsRefused$"):
        mail(server).deliver(RAISED)


def test_a_server_that_is_busy_is_told_by_its_code(taker: smtp_server.MailServer, server: MailServer) -> None:
    taker.answer = "451 later"
    with pytest.raises(NotDelivered, match=r"^smtp 451$"):
        mail(server).deliver(RAISED)


def test_a_server_may_look_at_a_mail_for_longer_than_it_may_take_to_answer_at_all(
    taker: smtp_server.MailServer, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever gives up before sends the same mail again."""
    real, waits = smtplib.SMTP.data, list[float | None]()

    def data(session: smtplib.SMTP, message: bytes) -> tuple[int, bytes]:
        waits.append(session.sock.gettimeout() if session.sock else None)
        return real(session, message)

    monkeypatch.setattr(smtplib.SMTP, "data", data)
    mail(server).deliver(RAISED)
    assert (len(taker.taken), waits) == (1, [ANSWER_S])


def test_a_server_with_a_certificate_of_somebody_else_gets_no_mail(
    taker: smtp_server.MailServer, server: MailServer, tmp_path: Path
) -> None:
    others = Authority(tmp_path, "others").file
    with pytest.raises(NotDelivered, match=r"^smtp: SSLCertVerificationError$"):
        mail(replace(server, authorities=others)).deliver(RAISED)
    assert taker.taken == []


def test_where_nobody_is_named_nobody_is_written_to(taker: smtp_server.MailServer, server: MailServer) -> None:
    mail(replace(server, recipients={"CHP": ["p@chp.example"]})).deliver(RAISED)
    NoMail().deliver(RAISED)
    assert taker.taken == []


# The mail file


GOOD = """
host = "127.0.0.1"
from = "krypton@region.example"
[to]
CHU-BDX = ["physique@chu.example"]
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "mail.toml"
    file.write_text(text)
    file.chmod(0o600)
    return file


def test_the_mail_file_names_server_and_people(tmp_path: Path) -> None:
    found = read(written(tmp_path, GOOD), tmp_path, "https://images.example")
    assert found is not None
    assert (found.host, found.port, found.to("CHU-BDX"), found.to("CHP")) == (
        "127.0.0.1",
        587,
        ["physique@chu.example"],
        [],
    )


def test_without_a_mail_file_there_is_no_mail(tmp_path: Path) -> None:
    assert read(tmp_path / "mail.toml", tmp_path, None) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("host = 1", "each a text"),
        ('host = "x"\nhosts = "y"', "nothing else"),
        ('host = "x"', "it says host, and from"),
        ('host = "x"\nfrom = "no address"', "it says host, and from"),
        (f'port = "587"\n{GOOD}', "port is a number"),
        (f'user = "krypton"\n{GOOD}', "user and password_file go together"),
        (GOOD.replace("physique@chu.example", "physique"), r"\[to\] has lines such as"),
        ("host =", "is no TOML"),
    ],
)
def test_a_mail_file_that_makes_no_sense_is_refused_by_name(tmp_path: Path, text: str, said: str) -> None:
    file = written(tmp_path, text)
    with pytest.raises(SettingsWrong, match=said) as refused:
        read(file, tmp_path, None)
    assert str(file) in str(refused.value)
