"""Formats and parses signed notes and checkpoints (C2SP signed-note, tlog-checkpoint, tlog-cosignature)."""

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from domain.proofs.merkle import HASH_BYTES

ED25519: Final = 0x01
"""Signature type: Ed25519 over the note's text (signed-note)."""

COSIGNATURE: Final = 0x04
"""Signature type: a witness's timestamped Ed25519 cosignature (tlog-cosignature, cosignature/v1)."""

PUBLIC_KEY_BYTES: Final = 32
MOST_SIGNATURES: Final = 100
SIGNED: Final = re.compile(r"— (?P<name>[^\s+]+) (?P<blob>[A-Za-z0-9+/]+={0,2})")
NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,18}")


class NotANote(ValueError):
    """The text is not a signed note, checkpoint or key: what is wrong with it."""


@dataclass(frozen=True)
class Signature:
    """One signature line. ``blob``: the signature after the four bytes of the key id."""

    name: str
    key_id: bytes
    blob: bytes

    def line(self) -> str:
        """The signature line of a note."""
        return f"— {self.name} {base64.b64encode(self.key_id + self.blob).decode()}\n"


@dataclass(frozen=True)
class Note:
    """A text, with its final newline, and its signatures."""

    text: str
    signatures: tuple[Signature, ...] = ()

    def format(self) -> str:
        """The whole note as text."""
        return f"{self.text}\n{''.join(signature.line() for signature in self.signatures)}"

    def signed_also(self, signatures: Iterable[Signature]) -> "Note":
        """The note with more signatures; duplicates are dropped."""
        new = [one for one in signatures if one not in self.signatures]
        return Note(self.text, (*self.signatures, *new))


def parse(content: str) -> Note:
    """Parse a note. Raises NotANote."""
    if any(ord(sign) < 0x20 and sign != "\n" for sign in content):
        raise NotANote("a note holds no control character but newlines")
    text, blank, lines = content.rpartition("\n\n")
    if not blank or not text or not lines.endswith("\n"):
        raise NotANote("a note is text, an empty line and signature lines, each with its newline")
    signed = lines[:-1].split("\n")
    if len(signed) > MOST_SIGNATURES:
        raise NotANote(f"a note holds at most {MOST_SIGNATURES} signatures")
    return Note(text + "\n", tuple(_signature(line) for line in signed))


def _signature(line: str) -> Signature:
    found = SIGNED.fullmatch(line)
    blob = _base64(found["blob"]) if found else b""
    if not found or len(blob) < 5:
        raise NotANote("a signature line is an em dash, a key name and base64, with single spaces")
    return Signature(found["name"], blob[:4], blob[4:])


def parse_many(content: str) -> list[Note]:
    """Parse concatenated notes, as in a file of kept checkpoints. Raises NotANote."""
    found: list[Note] = []
    held: list[str] = []
    lines = content.splitlines(keepends=True)
    for number, line in enumerate(lines):
        held.append(line)
        ends = number + 1 == len(lines) or not lines[number + 1].startswith("— ")
        if line.startswith("— ") and ends:
            found.append(parse("".join(held).lstrip("\n")))
            held = []
    if "".join(held).strip():
        raise NotANote("the file ends with text that nobody signed")
    return found


@dataclass(frozen=True)
class Checkpoint:
    """A tree head: the log's origin, its size in leaves, and the root."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """The text to sign."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def checkpoint_of(text: str) -> Checkpoint:
    """Parse a note's text as a checkpoint; extension lines are refused, since this log writes none. Raises NotANote."""
    lines = text.split("\n")
    root = _base64(lines[2]) if len(lines) == 4 else b""
    if len(lines) != 4 or lines[3] or not lines[0] or not NUMBER.fullmatch(lines[1]) or len(root) != HASH_BYTES:
        raise NotANote("a checkpoint is three lines: origin, size, and the root as base64 of 32 bytes")
    return Checkpoint(lines[0], int(lines[1]), root)


@dataclass(frozen=True)
class VerifierKey:
    """A public key with its name, written ``<name>+<key id in hex>+<base64 of type and key>``."""

    name: str
    kind: int
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The first four bytes of SHA-256 of name, newline, type and key."""
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    def format(self) -> str:
        """The key as text, for verifiers."""
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(bytes([self.kind]) + self.public).decode()}"


def verifier_key(text: str) -> VerifierKey:
    """Parse a verifier key. Raises NotANote."""
    name, _, rest = text.strip().partition("+")
    ident, _, encoded = rest.partition("+")
    raw = _base64(encoded)
    check_name(name)
    if len(raw) != 1 + PUBLIC_KEY_BYTES or raw[0] not in (ED25519, COSIGNATURE):
        raise NotANote("a verifier key is <name>+<key id>+<base64 of type and key>, of Ed25519 (type 1 or 4)")
    key = VerifierKey(name, raw[0], raw[1:])
    if key.key_id.hex() != ident:
        raise NotANote(f"the key id of {name} is {key.key_id.hex()}, not {ident}: the key was copied wrongly")
    return key


def check_name(name: str) -> None:
    """Check a key's name or a log's origin against the note format. Raises NotANote."""
    if not name or any(sign.isspace() or sign == "+" or ord(sign) < 0x20 for sign in name):
        raise NotANote("a key's name and a log's origin are not empty, and hold no space and no plus sign")


def cosigned_message(text: str, at_s: int) -> bytes:
    """What a witness signs: two lines, and the checkpoint's text. ``at_s``: seconds since 1970, UTC."""
    return f"cosignature/v1\ntime {at_s}\n{text}".encode()


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
