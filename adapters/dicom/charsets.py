"""Decodes DICOM text in its declared character set, tolerating common device errors; decoding never fails."""

import re
from collections.abc import Sequence

from pydicom.charset import CODES_TO_ENCODINGS, handled_encodings, python_encoding

ESCAPE = b"\x1b"
_FRAGMENT = re.compile(rb"^[^\x1b]+|\x1b[^\x1b]*")
_TERM = re.compile(r"ISO[ _-]?(2022)?[ _-]?IR[ _-]?(\d+)", re.IGNORECASE)
_DELIMITERS = {ord(c) for c in "^=\\\r\n\f\t"}  # each ends a code extension (PS3.5 6.1.2.5.3)
_LATIN_1 = {"iso8859", "latin_1"}


def encodings(declared: Sequence[str]) -> list[str]:
    """Python codecs of the declared terms; the first is for text without escape sequences.

    Misspelt terms are corrected; unknown ones are ignored.
    """
    found = [codec for term in declared if (codec := python_encoding.get(_meant(term)))]
    return found or ["latin_1"]


def _meant(term: str) -> str:
    match = _TERM.fullmatch(term.strip())
    if match is None:
        return term.strip()
    return f"ISO 2022 IR {match[2]}" if match[1] else f"ISO_IR {match[2]}"


def decode(raw: bytes, declared: Sequence[str]) -> str:
    """The decoded text. Bytes invalid in the declared set become U+FFFD: the text is marked, the object not lost."""
    codecs = encodings(declared)
    if ESCAPE in raw:
        return _decode_escaped(raw, codecs)
    if is_undeclared_utf8(raw, declared):
        return raw.decode("utf-8")
    try:
        return raw.decode(codecs[0])
    except UnicodeDecodeError:
        return raw.decode(codecs[0], errors="replace")


def is_undeclared_utf8(raw: bytes, declared: Sequence[str]) -> bool:
    """Whether UTF-8 was written under a declared Latin-1, or under no set at all.

    Latin-1 text that is valid UTF-8 by chance ("Ã©" for "é") is no word in any language.
    """
    if raw.isascii() or ESCAPE in raw or encodings(declared)[0] not in _LATIN_1:
        return False
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _decode_escaped(raw: bytes, codecs: list[str]) -> str:
    """Code extensions: each escape sequence switches the set, until the next one or a delimiter (PS3.5 6.1.2.5)."""
    return "".join(_decode_fragment(fragment, codecs[0]) for fragment in _FRAGMENT.findall(raw))


def _decode_fragment(fragment: bytes, first: str) -> str:
    switch = fragment[: 4 if fragment.startswith((b"\x1b$(", b"\x1b$)")) else 3]
    codec = CODES_TO_ENCODINGS.get(switch)
    if codec is None or not fragment.startswith(ESCAPE):
        return fragment.decode(first, errors="replace")
    if codec in handled_encodings:  # Python's codec knows the escape sequences itself
        return fragment.decode(codec, errors="replace")
    text = fragment[len(switch) :]
    end = next((index for index, byte in enumerate(text) if byte in _DELIMITERS), len(text))
    return text[:end].decode(codec, errors="replace") + text[end:].decode(first, errors="replace")


def person_name(text: str) -> tuple[str | None, str | None]:
    """Family and given name of a PN value: of the alphabetic component group, else the ideographic, else phonetic."""
    for group in text.split("="):
        family, given, *_ = (*(part.strip(" \0") or None for part in group.split("^")), None, None)
        if family or given:
            return family, given
    return None, None
