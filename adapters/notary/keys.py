"""Ed25519 keys of the log and of witnesses: created, stored in private files, and used to sign and verify notes.

The file contains one line in the format of golang.org/x/mod/sumdb/note, ``PRIVATE+KEY+<name>+<key id>+<base64>``, which
other tools also read. Standards: RFC 8032 (Ed25519); C2SP signed-note (type 1) and tlog-cosignature (type 4).
"""

import base64
import binascii
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from adapters import durable, private
from domain.proofs.note import (
    COSIGNATURE,
    ED25519,
    Checkpoint,
    NotANote,
    Note,
    Signature,
    VerifierKey,
    check_name,
    checkpoint_of,
    cosigned_message,
)

PREFIX: Final = "PRIVATE+KEY+"
STAMP_BYTES: Final = 8


class SignatureWrong(Exception):
    """A note lacks the key's signature, or its signature is not valid."""


class KeyUnusable(Exception):
    """A key file is missing, open to others, or contains no key: which, and what to do; never its content."""


@dataclass(frozen=True)
class SigningKey:
    """A private key with its name. ``kind``: ED25519 for a log, COSIGNATURE for a witness."""

    name: str
    kind: int
    private: Ed25519PrivateKey = field(repr=False)

    @staticmethod
    def new(name: str, kind: int = ED25519) -> "SigningKey":
        """A new random key. Raises NotANote if the name is not valid."""
        check_name(name)
        return SigningKey(name, kind, Ed25519PrivateKey.generate())

    @property
    def verifier(self) -> VerifierKey:
        """The public key."""
        return VerifierKey(self.name, self.kind, self.private.public_key().public_bytes_raw())

    def sign(self, text: str) -> Signature:
        """A log's signature over a note's text."""
        return Signature(self.name, self.verifier.key_id, self.private.sign(text.encode()))

    def cosign(self, text: str, at_s: int) -> Signature:
        """A witness's signature over a checkpoint's text. ``at_s``: now, seconds since 1970, UTC."""
        signed = self.private.sign(cosigned_message(text, at_s))
        return Signature(self.name, self.verifier.key_id, at_s.to_bytes(STAMP_BYTES, "big") + signed)

    def store(self, path: Path) -> None:
        """Write a new key file, readable only by its owner. Raises FileExistsError: a key is never overwritten."""
        raw = base64.b64encode(bytes([self.kind]) + self.private.private_bytes_raw()).decode()
        durable.create(path, f"{PREFIX}{self.name}+{self.verifier.key_id.hex()}+{raw}\n".encode(), durable.OWNER_ONLY)


def load(path: Path) -> SigningKey:
    """Read a key file. Raises KeyUnusable."""
    try:
        private.check_key(path)
        content = path.read_text()
    except private.Exposed as exposed:
        raise KeyUnusable(str(exposed)) from None
    except (OSError, UnicodeDecodeError):
        raise KeyUnusable(f"{path} cannot be read: give the file that holds the signing key") from None
    name, _, rest = content.strip().removeprefix(PREFIX).partition("+")
    ident, _, encoded = rest.partition("+")
    try:
        raw = base64.b64decode(encoded, validate=True)
        key = SigningKey(name, raw[0], Ed25519PrivateKey.from_private_bytes(raw[1:]))
    except (binascii.Error, ValueError, IndexError):
        raise KeyUnusable(f"{path} holds no signing key: it is one line that starts with {PREFIX}") from None
    if not content.startswith(PREFIX) or key.verifier.key_id.hex() != ident or key.kind not in (ED25519, COSIGNATURE):
        raise KeyUnusable(f"{path} holds a damaged signing key: restore it from a backup")
    return key


def verify(note: Note, key: VerifierKey) -> int | None:
    """Verify a key's signature on a note; returns a cosignature's time in seconds since 1970. Raises SignatureWrong."""
    own = [one for one in note.signatures if (one.name, one.key_id) == (key.name, key.key_id)]
    if not own:
        raise SignatureWrong(f"the note is not signed by {key.name} (key {key.key_id.hex()})")
    times = [_verified(note, one, key) for one in own]
    return times[0]


def _verified(note: Note, signature: Signature, key: VerifierKey) -> int | None:
    blob, message, at_s = signature.blob, note.text.encode(), None
    if key.kind == COSIGNATURE:
        at_s = int.from_bytes(blob[:STAMP_BYTES], "big")
        blob, message = blob[STAMP_BYTES:], cosigned_message(note.text, at_s)
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(blob, message)
    except (InvalidSignature, ValueError):
        raise SignatureWrong(f"the signature of {key.name} (key {key.key_id.hex()}) is not valid") from None
    return at_s


def verified_checkpoint(note: Note, key: VerifierKey, origin: str | None = None) -> Checkpoint:
    """The checkpoint of a note signed by the key. Raises SignatureWrong, also if the origin differs from the key's
    name.

    ``origin``: the log's origin, if the key has another name.
    """
    verify(note, key)
    try:
        found = checkpoint_of(note.text)
    except NotANote as wrong:
        raise SignatureWrong(f"signed by {key.name}, but not a checkpoint: {wrong}") from None
    if found.origin != (origin or key.name):
        raise SignatureWrong(f"the checkpoint is of log {found.origin}, not of {origin or key.name}")
    return found


def cosigners(note: Note, keys: Iterable[VerifierKey]) -> dict[str, int]:
    """Which of these witnesses cosigned a checkpoint, and when (s since 1970). Raises SignatureWrong: one is forged."""
    found = {}
    for key in keys:
        if any((one.name, one.key_id) == (key.name, key.key_id) for one in note.signatures):
            found[key.name] = verify(note, key) or 0
    return found


def cosigned_by_all(note: Note, keys: Sequence[VerifierKey]) -> dict[str, int]:
    """Like ``cosigners``, but every witness must have signed. Raises SignatureWrong."""
    found = cosigners(note, keys)
    if missing := [key.name for key in keys if key.name not in found]:
        raise SignatureWrong(f"{', '.join(missing)} did not cosign the checkpoint")
    return found
