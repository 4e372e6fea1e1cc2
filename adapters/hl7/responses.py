"""Writes the answer to a query: MSH, MSA, ERR, QAK, QPD as it was asked, and PID of who is found.

Source: IHE ITI TF-2, 3.9.4.2 and 3.21.4.2.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from adapters.hl7 import answers
from adapters.hl7.assigners import cx
from adapters.hl7.er7 import Segment, written
from adapters.hl7.header import Header
from adapters.hl7.people import Number, Page, Person
from adapters.hl7.refusal import Refused, Verdict

KINDS: Final = {"Q22": "RSP^K22^RSP_K21", "Q23": "RSP^K23^RSP_K23"}
CHARSETS: Final = {"ascii": "ASCII", "utf-8": "UNICODE UTF-8", "cp1252": "WINDOWS-1252"}
NO_NAME: Final = "~^^^^^^S"
"""PID-5 of an answer that names nobody."""
FLAGS: Final = ("DOUT", "FICT", "HOMA")
SEXES: Final = {"M": "M", "F": "F", "I": "U"}


@dataclass(frozen=True)
class Query:
    """What is answered. ``codec``: it was written in, and its answer is, if that has all letters."""

    head: Header
    qpd: Segment
    tag: str
    codec: str

    def refused(self, now: datetime, why: Refused) -> bytes:
        """AE."""
        lines = [answers.msa(self.head, why.verdict, str(why)), *answers.errs(why), self._qak(str(why.verdict))]
        return self._bytes(now, [*lines, self._qpd()])

    def numbers(self, now: datetime, numbers: Sequence[Number]) -> bytes:
        """The other numbers of a person, and nothing else of them."""
        pid = [f"PID|||{_numbers(numbers)}||{NO_NAME}"] if numbers else []
        return self._found(now, self._qak("OK" if numbers else "NF"), pid)

    def people(self, now: datetime, page: Page, pointer: str) -> bytes:
        """Who may be meant. ``pointer``: where the next ones begin; empty where there are none."""
        qak = self._qak("OK" if page.total else "NF")
        qak += f"|{self.qpd.echoed(1)}|{page.total}|{len(page.people)}|{page.left}"
        pids = [_pid(n, person) for n, person in enumerate(page.people, 1)]
        return self._found(now, qak, [*pids, *([f"DSC|{pointer}|I"] if pointer else [])])

    def _found(self, now: datetime, qak: str, rest: Iterable[str]) -> bytes:
        return self._bytes(now, [answers.msa(self.head, Verdict.ACCEPTED, ""), qak, self._qpd(), *rest])

    def _qak(self, status: str) -> str:
        return f"QAK|{written(self.tag)}|{status}"

    def _qpd(self) -> str:
        return "|".join(["QPD", *(self.qpd.echoed(n) for n in range(1, len(self.qpd.fields)))])

    def _bytes(self, now: datetime, lines: Iterable[str]) -> bytes:
        """In the query's own character set, or in UTF-8 where a letter is not in that: no name is written wrong."""
        body = [*lines]
        for codec in (self.codec, "utf-8"):
            try:
                msh = answers.msh(self.head, now, KINDS[self.head.event], charset_of(codec))
                return "".join(f"{line}\r" for line in (msh, *body)).encode(codec)
            except UnicodeEncodeError:
                continue
        raise AssertionError("UTF-8 has all letters")


def charset_of(codec: str) -> str:
    """A codec as MSH-18 names it."""
    return CHARSETS.get(codec) or f"8859/{codec.removeprefix('iso8859-')}"


def _numbers(numbers: Iterable[Number]) -> str:
    return "~".join(cx(number.assigner, number.text) for number in numbers)


def _pid(n: int, person: Person) -> str:
    """As France writes a patient: birth name and name in use, birth place, status and flags."""
    said = {name: written(value or "") for name, value in person.traits.items()}
    family, given = said.get("family", ""), said.get("given", "")
    names = [f"{family}^{given}^{said.get('first_names', '')}^^^^L"]
    if used := said.get("used_name"):
        names.append(f"{used}^{given}^^^^^D")
    fields = dict.fromkeys(range(1, 33), "")
    fields |= {1: str(n), 3: _numbers(person.numbers), 5: "~".join(names), 7: _date(said.get("birth_date", ""))}
    fields[8] = SEXES.get(said.get("sex", ""), "")
    fields[11] = f"^^^^^^BDL^^{place}" if (place := said.get("birth_place")) else ""
    fields[32] = "~".join([person.status, *(flag for flag in FLAGS if flag in person.flags)])
    return "|".join(["PID", *fields.values()])


def _date(text: str) -> str:
    """As far as it is known."""
    return "".join(part for part in text.split("-") if part != "00")
