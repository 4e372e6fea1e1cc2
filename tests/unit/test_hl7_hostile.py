"""Malformed and hostile HL7: always an answer or a clean close, and nothing is written for what is refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.hl7.charsets import codec
from adapters.hl7.er7 import segments, written
from adapters.hl7.refusal import Refused
from tests.fakes import hl7
from tests.fakes.hl7 import Answered, message, pid
from tests.fuzz.hl7_messages import Hl7Messages
from tests.fuzz.kept import holds
from tests.fuzz.targets import opened

SPELLINGS = {
    "8859/1": "iso8859-1", "ISO-8859-1": "iso8859-1", "ISO8859-1": "iso8859-1", "iso_8859-1": "iso8859-1",
    "8859-1": "iso8859-1", "ISO 8859/1": "iso8859-1", "LATIN1": "iso8859-1", "Latin-1": "iso8859-1",
    "8859/15": "iso8859-15", "ISO-8859-15": "iso8859-15", "8859/9": "iso8859-9",
    "UNICODE UTF-8": "utf-8", "UTF-8": "utf-8", "UTF8": "utf-8", "unicode utf8": "utf-8", "UNICODE": "utf-8",
    "ASCII": "ascii", "US-ASCII": "ascii", "WINDOWS-1252": "cp1252", "CP1252": "cp1252",
}  # fmt: skip


@pytest.mark.parametrize(("spelling", "meant"), SPELLINGS.items())
def test_every_spelling_of_a_character_set_is_known(spelling: str, meant: str) -> None:
    assert codec(spelling) == meant


@pytest.mark.parametrize("unknown", ["UNICODE UTF-16", "8859/99", "8859/12", "ISO IR87", "utf-7", "idna", "punycode"])
def test_a_character_set_that_is_not_known_is_refused(unknown: str) -> None:
    with pytest.raises(Refused):
        codec(unknown)


@settings(max_examples=60, deadline=None)
@given(st.text("aÉ€ |^~\\&\r\n\0\x85\u2028", max_size=20))
def test_a_text_that_is_written_is_read_again(text: str) -> None:
    shown = "".join(sign if sign.isprintable() else " " for sign in text)
    (_, msa) = segments(f"MSH|^~\\&|\rMSA|{written(text)}|x", "utf-8")
    assert (msa.value(1), msa.value(2)) == (shown.strip(), "x")


TAKEN = hl7.Ledger()
INTAKE = hl7.desk(TAKEN)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400), st.integers(0, 2**31))
def test_any_bytes_after_a_header_are_answered_and_what_is_refused_writes_nothing(rest: bytes, number: int) -> None:
    head = TAKEN.recorder.max_notification_id()
    answer = INTAKE.answer(message("A28", f"m{number}", pid()).replace(b"PID|", rest + b"PID|", 1))
    if Answered(answer).verdict != "AA":
        assert TAKEN.recorder.max_notification_id() == head


def test_hostile_messages_break_nothing() -> None:
    """``make fuzz TARGET=hl7`` tries more of them."""
    with opened(Hl7Messages.name) as target:
        holds(target, 25)
