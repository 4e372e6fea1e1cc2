"""TLS for what listens, and for what calls: its own certificate, and the certificates of peers."""

import ssl
from base64 import urlsafe_b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any


def context(certificate: Path, key: Path, peers: Path | None, *, required: bool = True) -> ssl.SSLContext:
    """TLS 1.2 or later. ``peers``: the authorities whose certificates are asked for; None: none are. ``required``:
    whoever has none is hung up on.

    Raises OSError, ssl.SSLError among them, where a file cannot be read or holds something else.
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.load_cert_chain(certificate, key, password=lambda: "")  # one that asks for a password would wait for ever
    if peers:
        made.load_verify_locations(peers)
        made.verify_mode = ssl.CERT_REQUIRED if required else ssl.CERT_OPTIONAL
    return made


def calling(certificate: Path, key: Path, peers: Path) -> ssl.SSLContext:
    """TLS 1.2 or later for who calls, and shows its own certificate. ``peers``: the authorities that who is called
    has its own from; whom that names, the caller looks at itself: an application, and no host.

    Raises OSError, ssl.SSLError among them, where a file cannot be read or holds something else.
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.check_hostname = False
    made.load_cert_chain(certificate, key, password=lambda: "")
    made.load_verify_locations(peers)
    return made


def names_of(connection: ssl.SSLSocket | ssl.SSLObject) -> frozenset[str]:
    """The names in the certificate of the peer, which was verified: CN and DNS names. None where it showed none."""
    certificate: Any = connection.getpeercert() or {}
    subject = [pair for each in certificate.get("subject", ()) for pair in each]
    common = [value for name, value in subject if name == "commonName"]
    others = [value for kind, value in certificate.get("subjectAltName", ()) if kind == "DNS"]
    return frozenset([*common, *others])


def thumbprint_of(connection: ssl.SSLSocket | ssl.SSLObject) -> str:
    """SHA-256 of the peer's certificate, as tokens name it (RFC 8705 §3.1); empty where it showed none."""
    certificate = connection.getpeercert(binary_form=True)
    return urlsafe_b64encode(sha256(certificate).digest()).decode().rstrip("=") if certificate else ""
