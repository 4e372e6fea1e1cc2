"""Shows what a statement would change before it is made: who would be one person, and how much each would have.

The statement is decided as the ledger would decide it now, and nothing of it is stored. What is shown of the people is
decided and recorded as any read is.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from domain.actors import Caller
from domain.persons import Persons
from domain.work import Command, Envelope
from krypton.bootstrap import Krypton
from krypton.queries.gate import permit
from projections.identity_index import queries as identities

Document = dict[str, Any]


def preview_of(ours: Krypton, caller: Caller, task: str, command: Command, one: str, other: str) -> Document:
    """``result``: what the command would answer; ``differing``: of sex and birth_date, what differs; ``now`` and
    ``then``: the persons concerned, each with its identities, how many studies, reports, dose reports and orders each
    of these has, and their ``total``.

    Raises what the command is refused with, and as ``permit``.
    """
    work = ours.ledger.work([command])
    decision = work.decide(command, Envelope(caller.actor))
    before, after = ours.ledger.membership(), work.membership
    sides = (one, other)
    now = before.around(sides)
    permit(ours, caller, task, one, other, asked=["with=preview"], spoken_of=sorted(now))
    known = _known(ours, now)
    return {
        "result": decision.result,
        "differing": [trait for event in decision.events for trait in vars(event).get("differing", ())],
        "now": _persons(before, now, sides, known),
        "then": _persons(after, now, sides, known),
    }


def _known(ours: Krypton, of: Iterable[str]) -> dict[str, Document]:
    """Of each identity who gave it out, its number, and how much its record holds; in order of registration."""
    from projections.patient_record.counted import counted

    ids = list(of)
    with ours.snapshot() as connection:
        numbers = identities.numbers(connection, ids, ours.vault.destroyed(ids))
        counts = counted(connection, ids)
    return {row["identity"]: row | counts[row["identity"]] for row in numbers}


def _persons(
    persons: Persons, all_of: Iterable[str], sides: Iterable[str], known: Mapping[str, Document]
) -> list[Document]:
    """The persons of these identities, those of the two sides first."""
    order = [*sides, *(one for one in known if one not in sides)]
    found = dict.fromkeys(frozenset(persons.person_of(one)) for one in order if one in {*all_of})
    return [_person([row for one, row in known.items() if one in person]) for person in found]


def _person(rows: list[Document]) -> Document:
    total: Counter[str] = Counter()
    for row in rows:
        total.update({name: value for name, value in row.items() if isinstance(value, int)})
    return {"identities": rows, "total": dict(total)}
