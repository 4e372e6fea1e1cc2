"""Of whom something was told, and who that is now, as people read it."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

SINCE: Final = {
    "merged": "merged with others since",
    "split": "parted from others since",
    "reassigned": "given to somebody else since",
}
"""What may have happened to a person since then, in words."""


def told_of(row: Mapping[str, Any]) -> str | None:
    """The person then and the person now, by their ids; None: the reader does not see it."""
    then, now = row["person_then"], row["person_now"]
    if not row["since_then"]:
        return now and str(now)
    since = " and ".join(SINCE[what] for what in row["since_then"])
    return f"{now}, {since}" if then == now else f"{then} then, {now} now: {since}"


def with_person(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows with the ``person`` in one cell."""
    return [{**row, "person": told_of(row)} for row in rows]
