"""Answers queries: PIX (QBP^Q23), which other numbers are a patient's; PDQ (QBP^Q22), who is meant; and QCN, their end.

A query writes nothing but the record that it was asked. Nothing is kept between two pages: where the next one begins is
in its pointer, which fits no other query and no other sender.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from adapters.hl7 import answers
from adapters.hl7.desk import Message, told_of
from adapters.hl7.er7 import Segment, only
from adapters.hl7.header import written_in
from adapters.hl7.people import Index, Number, TooMany
from adapters.hl7.questions import (
    FIELDS,
    IDENTIFIER,
    Demographics,
    cross_reference,
    demographics,
    refuse_deferred,
    tag_of,
)
from adapters.hl7.refusal import Condition, Place, Refused, rejected
from adapters.hl7.responses import Query
from domain.errors import AlreadyRegistered, BadTraits, NotFound, RuleBroken
from domain.ids import Ids

POINTER: Final = 16
"""Digits of a pointer that tell the place; what follows tells whose it is."""


@dataclass(frozen=True, kw_only=True)
class Inquiry:
    """``turn``: entered while the index is asked. ``closed``: why no query is answered here; empty: they are."""

    index: Index
    ids: Ids
    turn: AbstractContextManager[Any]
    closed: str = ""

    events = frozenset({"Q22", "Q23"})

    def answer(self, message: Message) -> bytes:
        """See ``desk.Clerk``."""
        if self.closed:
            raise rejected(9, Condition.UNSUPPORTED_TYPE, self.closed)
        qpd = only(message.found, "QPD")
        query = Query(written_in(message.codec, message.head), qpd, tag_of(qpd), message.codec)
        try:
            refuse_deferred(first(message.found, "RCP"))
            ask = self._numbers if message.head.event == "Q23" else self._people
            return ask(message, query)
        except Refused as why:
            told_of(why)
            return query.refused(datetime.now(UTC), why)

    def _numbers(self, message: Message, query: Query) -> bytes:
        with self.turn:
            asked = cross_reference(query.qpd, self.index.assigner)
            of = Number(asked.assigner, asked.number)
            with _refusals(IDENTIFIER):
                found = self.index.numbers(message.head.application, message.site, of, asked.wanted)
        return query.numbers(datetime.now(UTC), found)

    def _people(self, message: Message, query: Query) -> bytes:
        application = message.head.application
        with self.turn:
            rcp, dsc = first(message.found, "RCP"), first(message.found, "DSC")
            asked = demographics(query.qpd, rcp, dsc, self.index.assigner)
            after = self._place(application, asked)
            with _refusals(FIELDS):
                page = self.index.people(application, message.site, asked.criteria, asked.wanted, after, asked.limit)
        pointer = self._pointer(application, asked, page.place) if page.left else ""
        return query.people(datetime.now(UTC), page, pointer)

    def _place(self, application: str, asked: Demographics) -> int:
        """Where a page begins. Raises Refused for a pointer that was not given for this query."""
        if not asked.pointer:
            return 0
        digits = asked.pointer[:POINTER]
        known = digits.isascii() and digits.isdecimal()
        if known and asked.pointer == self._pointer(application, asked, int(digits)):
            return int(digits)
        text = "it does not go on with this query: send the query as it was first sent, and the pointer of its answer"
        raise Refused(Place("DSC", 1), Condition.UNKNOWN_KEY, text)

    def _pointer(self, application: str, asked: Demographics, place: int) -> str:
        said = [text for pair in sorted(asked.criteria.items()) for text in pair]
        whose = self.ids.of("hl7 continuation", application, str(place), str(len(said)), *said, *asked.wanted)
        return f"{place:0{POINTER}}{whose.hex}"


class Cancelled:
    """Answers QCN^J01: nothing is kept of a query, so that there is nothing to take back."""

    events = frozenset({"J01"})

    def answer(self, message: Message) -> bytes:
        """See ``desk.Clerk``."""
        if not only(message.found, "QID").value(1):
            raise Refused(Place("QID", 1), Condition.FIELD_MISSING, "the query's tag is missing")
        return answers.accepted(message.head, datetime.now(UTC))


def first(found: list[Segment], name: str) -> Segment | None:
    """The first segment of that name, if there is one."""
    return next((segment for segment in found if segment.name == name), None)


@contextmanager
def _refusals(field: int) -> Iterator[None]:
    """Raises Refused for what the index refuses. ``field``: of QPD, where the cause is."""
    try:
        yield
    except NotFound as why:
        raise Refused(Place("QPD", field, 1, 1, 1), Condition.UNKNOWN_KEY, str(why)) from why
    except AlreadyRegistered as why:
        raise Refused(Place("QPD", field, 1, 1, 1), Condition.DUPLICATE_KEY, str(why)) from why
    except BadTraits as why:
        raise Refused(Place("QPD", field, 1, 1, 1), Condition.DATA_TYPE, str(why)) from why
    except (TooMany, RuleBroken) as why:
        raise Refused(Place("QPD", field), Condition.INTERNAL, str(why)) from why
