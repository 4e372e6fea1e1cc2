"""A mail server on this machine: EHLO, STARTTLS, AUTH PLAIN, one mail after the other (RFC 5321, 3207, 4954)."""

import base64
import socketserver
import ssl
import threading
from contextlib import suppress
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import NamedTuple

from tests.fakes.certificates import Issued
from tests.waiting import WITHIN_S


class Taken(NamedTuple):
    """A mail as the server took it."""

    message: EmailMessage
    recipients: tuple[str, ...]
    encrypted: bool
    login: str | None


class MailServer:
    """Takes mail until it is closed. ``refused``: recipients that it does not know; ``answer``: to the mail itself."""

    def __init__(self, certificate: Issued) -> None:
        self.taken: list[Taken] = []
        self.refused: set[str] = set()
        self.answer = "250 OK"
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate.certificate, certificate.key)
        ours = self

        class Handler(_Session):
            server_of_mail, tls = ours, context

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def ids(self) -> list[str]:
        """The Message-IDs of what it took, in order."""
        return [str(one.message["Message-ID"]) for one in self.taken]

    def close(self) -> None:
        """Take no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(WITHIN_S)


class _Session(socketserver.StreamRequestHandler):
    server_of_mail: MailServer
    tls: ssl.SSLContext
    timeout = WITHIN_S

    def handle(self) -> None:
        with suppress(ssl.SSLError):  # a client that does not believe the certificate hangs up
            self._talk()

    def _talk(self) -> None:
        self._encrypted = False
        self._login: str | None = None
        self._recipients: list[str] = []
        self._say("220 mail.essai ESMTP")
        while line := self.rfile.readline():
            verb, _, rest = line.decode().strip().partition(" ")
            if verb.upper() == "QUIT":
                self._say("221 bye")
                break
            self._answer(verb.upper(), rest)
        if self._encrypted:
            self.request.close()

    def _answer(self, verb: str, rest: str) -> None:
        if verb == "EHLO":
            self._say("250-mail.essai", "250-AUTH PLAIN" if self._encrypted else "250-STARTTLS", "250 8BITMIME")
        elif verb == "STARTTLS":
            self._say("220 go on")
            self.request = self.tls.wrap_socket(self.request, server_side=True)
            self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb", 0)
            self._encrypted = True
        elif verb == "AUTH":
            self._login = base64.b64decode(rest.split()[1]).decode().replace("\0", "|").strip("|")
            self._say("235 welcome")
        elif verb == "MAIL":
            self._recipients = []
            self._say("250 OK")
        elif verb == "RCPT":
            address = rest[rest.index("<") + 1 : rest.index(">")]
            known = address not in self.server_of_mail.refused
            self._recipients += [address] if known else []
            self._say("250 OK" if known else "550 unknown")
        elif verb == "DATA":
            self._data()
        else:
            self._say("250 OK")

    def _data(self) -> None:
        self._say("354 go on")
        lines = []
        while (line := self.rfile.readline()).rstrip() != b".":
            lines.append(line)
        message = message_from_bytes(b"".join(lines), policy=default)
        if self.server_of_mail.answer.startswith("250"):
            taken = Taken(message, tuple(self._recipients), self._encrypted, self._login)
            self.server_of_mail.taken.append(taken)
        self._say(self.server_of_mail.answer)

    def _say(self, *lines: str) -> None:
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())
