"""What was told of somebody is shown with the person that it was told of, and the person that it is of now."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from projections.identity_index.then_and_now import PERSON_NOW, PERSON_THEN, UNKNOWN, Told, since

Document = dict[str, Any]
ID_THEN: Final = "identity_then"
"""Of a row whose identity may be another since: whose it was."""


def with_persons(connection: Any, rows: Sequence[Document], at: Callable[[Document], int]) -> list[Document]:
    """The rows, each with ``person_then``, ``person_now`` and ``since_then``. ``at``: the position when it was told."""
    whose = [(row.get(ID_THEN) or row["identity"], row["identity"]) for row in rows]
    found = since(connection, [Told(then, at(row), now) for row, (then, now) in zip(rows, whose, strict=True)])
    return [
        {name: value for name, value in row.items() if name != ID_THEN} | persons
        for row, persons in zip(rows, found, strict=True)
    ]


def sides_with_persons(connection: Any, entries: Sequence[Document]) -> list[Document]:
    """Entries of the worklist, each side with its persons since it was ``told_at``; of an entry of which nothing was
    told there are none.
    """
    sides = [
        Told(side["identity"], entry["told_at"], side["identity"])
        for entry in entries
        if entry["told_at"] is not None
        for side in entry["identities"]
    ]
    found = iter(since(connection, sides))
    return [
        entry
        | {
            "identities": [
                side | (UNKNOWN if entry["told_at"] is None else next(found)) for side in entry["identities"]
            ]
        }
        for entry in entries
    ]


def persons_of(row: Mapping[str, Any]) -> list[str]:
    """The ids of the persons that a row tells of, beside its own identity."""
    return [row[name] for name in (PERSON_THEN, PERSON_NOW) if row[name] is not None]
