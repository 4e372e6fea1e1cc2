"""TLS for the listener: its own certificate, and the certificates of senders where they are asked for."""

import ssl
from pathlib import Path
from typing import Any


def context(certificate: Path, key: Path, senders: Path | None) -> ssl.SSLContext:
    """TLS 1.2 or later. ``senders``: the authorities whose certificates are asked for; None: none are.

    Raises OSError, ssl.SSLError among them, where a file cannot be read or holds something else.
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.load_cert_chain(certificate, key, password=lambda: "")  # one that asks for a password would wait for ever
    if senders:
        made.load_verify_locations(senders)
        made.verify_mode = ssl.CERT_REQUIRED
    return made


def names_of(connection: ssl.SSLSocket) -> frozenset[str]:
    """The names in the certificate of the peer, which was verified: CN and DNS names."""
    certificate: Any = connection.getpeercert() or {}
    subject = [pair for each in certificate.get("subject", ()) for pair in each]
    common = [value for name, value in subject if name == "commonName"]
    others = [value for kind, value in certificate.get("subjectAltName", ()) if kind == "DNS"]
    return frozenset([*common, *others])
