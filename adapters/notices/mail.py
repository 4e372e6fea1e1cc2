"""Delivers notices by mail: a reference and a link, and nothing about whom they are.

Standards: RFC 5321 (SMTP), RFC 3207 (STARTTLS), RFC 5322. The session is always encrypted, and the server shows a
certificate for its name. A mail's Message-ID is made of the notice's id: a server, or whoever sorts the mail, drops one
that comes twice. Who of several is refused is not written to again: the others would get the mail twice.
"""

import logging
import smtplib
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate
from pathlib import Path
from typing import Final

from domain.errors import NotDelivered
from domain.notices import Notice

log = logging.getLogger(__name__)
TIMEOUT_S: Final = 20.0
ANSWER_S: Final = 300.0
"""A server looks at a mail before it takes it: whoever gives up before sends the same one again (RFC 5321, 4.5.3.2)."""
EVERYBODY: Final = "*"
SUBJECTS: Final[Mapping[str, str]] = {
    "mail_dose_alert_raised": "Krypton: alerte de dose / dose alert",
    "mail_dose_alert_withdrawn": "Krypton: alerte de dose retirée / dose alert withdrawn",
}
TEXT: Final = """{subject}

Référence / reference: {alert}
Établissement / site: {site}
{where}
Ce message ne contient aucune donnée du patient. / This message holds no data of the patient.
"""
ASK: Final = "krypton dose alerts --alert {alert}"


@dataclass(frozen=True)
class MailServer:
    """Where mail is handed over, from whom, and to whom. ``recipients``: by code of the establishment, ``*``: of all.

    ``origin``: the public address of the web service, for links.
    """

    host: str
    port: int
    sender: str
    recipients: Mapping[str, Sequence[str]] = field(repr=False)
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    authorities: Path | None = None
    origin: str | None = None

    def to(self, site: str) -> list[str]:
        """Those who are told of an alert of an establishment, each once."""
        return sorted({*self.recipients.get(site, ()), *self.recipients.get(EVERYBODY, ())})


class Mail:
    """``domain.ports.Notices`` by SMTP."""

    def __init__(self, server: MailServer, timeout_s: float = TIMEOUT_S) -> None:
        self._server = server
        self._timeout_s = timeout_s

    def deliver(self, notice: Notice) -> None:
        """See ``Notices``; nothing where nobody is to be told. Raises NotDelivered unless somebody got it."""
        if not (to := self._server.to(str(notice.body["site"]))):
            return
        try:
            refused = self._sent(notice, to)
        except smtplib.SMTPResponseException as answer:
            raise NotDelivered(f"smtp {answer.smtp_code}") from None
        except (OSError, ValueError) as away:  # SMTPException is an OSError
            raise NotDelivered(f"smtp: {type(away).__name__}") from None
        if refused:
            log.warning("mail %s: %d of %d recipients were refused", notice.id, refused, len(to))

    def _sent(self, notice: Notice, to: Sequence[str]) -> int:
        """Once the server took it, it is sent, however the session ends; returns how many recipients were refused."""
        smtp = smtplib.SMTP(self._server.host, self._server.port, timeout=self._timeout_s)
        try:
            smtp.starttls(context=ssl.create_default_context(cafile=self._server.authorities))
            if self._server.user is not None:
                smtp.login(self._server.user, self._server.password or "")
            assert smtp.sock is not None, "there is a session"
            smtp.sock.settimeout(ANSWER_S)
            refused = smtp.send_message(self._message(notice, to))
            with suppress(OSError):
                if smtp.sock is not None:
                    smtp.sock.settimeout(self._timeout_s)
                smtp.quit()
        finally:
            smtp.close()
        return len(refused)

    def _message(self, notice: Notice, to: Sequence[str]) -> EmailMessage:
        study, alert, origin = notice.body["study"], notice.body["alert"], self._server.origin
        where = f"{origin}/studies/{study}" if origin else ASK.format(alert=alert)
        told = {"alert": alert, "site": notice.body["site"], "where": where}
        message = EmailMessage()
        message["Subject"] = SUBJECTS[notice.name]
        message["From"] = self._server.sender
        message["To"] = ", ".join(to)
        message["Date"] = formatdate()
        message["Message-ID"] = f"<{notice.id}@{self._server.sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(TEXT.format(subject=SUBJECTS[notice.name], **told))
        return message


class NoMail:
    """``domain.ports.Notices`` where no mail server is set: nobody is written to."""

    def deliver(self, notice: Notice) -> None:
        """See ``Notices``."""
