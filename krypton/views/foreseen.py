"""The diff of a version that is to be promoted, with what it found due: a region is decided once.

What was found counts as of the ledger position up to which the version had read all by then. Whoever changed later is
matched again once it is raised (``again``). It is kept by the process that promotes; where that is killed, the region
is decided afresh.
"""

from typing import Any, NamedTuple

from krypton.bootstrap import Krypton
from krypton.views import compare, lag
from projections.engine.declaration import Document, Tell
from projections.versions import diff


class Foreseen(NamedTuple):
    """What is due in a version of a view (``FindDue``), which had read all up to that position of the ledger."""

    view: str
    version: int
    upto: int
    found: Any


def compared(
    ours: Krypton, view: str, version: int, tell: Tell = lambda *_: None, *, timeout_s: float
) -> tuple[Document, Foreseen | None]:
    """The summary of the diff, and what it found due; None where nothing was worked out, or the version does not catch
    up within ``timeout_s``.
    """
    upto, found = ours.ledger.recorder.max_notification_id() or 0, list[Any]()
    late = lag.lacks(ours, view, upto, timeout_s, version)
    with ours.snapshot() as connection:
        pair = compare.with_live(ours, connection, view, version)
        summary = diff.summary(connection, pair, tell, found.append)
    return summary, Foreseen(view, version, upto, found[0]) if found and not late else None
