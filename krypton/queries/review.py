"""The clerk's worklist: what waits for a decision on who is who, and two people side by side."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from domain.actors import Caller
from domain.times import micros
from krypton.bootstrap import Krypton
from krypton.queries.gate import permit
from krypton.queries.notices import persons_of, sides_with_persons
from krypton.queries.worklists import PAGE, Document, listed
from projections.identity_index.waiting import ALL, Wanted


def pairs_to_review(
    ours: Krypton,
    caller: Caller,
    *,
    limit: int = PAGE,
    wanted: Wanted = ALL,
    evidence: bool = False,
    older_than: int | None = None,
    postponed: bool = False,
) -> list[Document]:
    """The ``identity review list`` document. ``evidence``: with what speaks for and against each pair, in bits;
    ``older_than``: only what waits longer than these days; ``postponed``: what is postponed, too.
    """
    now = ours.ledger.clock()
    if older_than is not None:
        wanted = replace(wanted, before=micros(now - timedelta(days=older_than)))
    if not postponed:
        wanted = replace(wanted, awake_at=micros(now))
    from projections.identity_index.review import review_list

    def find(connection: Any, _: str | None) -> list[Document]:
        found = review_list(connection, limit, wanted=wanted)
        erased = ours.vault.destroyed({one for entry in found for one in _whose(entry)})
        shown = review_list(connection, limit, erased, wanted) if erased else found
        shown = sides_with_persons(connection, shown)
        return _with_evidence(connection, shown) if evidence else shown

    return listed(ours, caller, "identity.review.list", find, _whose, asked=_limits(wanted), also=_persons)


def pair_to_review(ours: Krypton, caller: Caller, one: str, other: str) -> Document:
    """The ``identity review show`` document: two identities side by side, whether they wait or not."""
    permit(ours, caller, "identity.review.show", one, other)
    from projections.identity_index.review import one_pair

    erased = ours.vault.destroyed({one, other})
    with ours.snapshot() as connection:
        shown = sides_with_persons(connection, [one_pair(connection, one, other, erased)])
        (found,) = _with_evidence(connection, shown)
    return found


def _with_evidence(connection: Any, entries: list[Document]) -> list[Document]:
    from projections.identity_index.review import is_weighed

    if not (entries and is_weighed(connection)):
        return [entry | {"evidence": None} for entry in entries]
    from projections.identity_index.evidenced import Evidence  # what compares names takes its time to load

    weighs = Evidence(connection)
    return [entry | {"evidence": weighs.of(entry)} for entry in entries]


def _limits(wanted: Wanted) -> list[str]:
    """The limits that are recorded with the question: words and codes, and nobody's name."""
    told = {
        "link": wanted.link,
        "kind": ",".join(wanted.kinds or ()),
        "before": wanted.before,
        "assigned": wanted.assigned_to,
    }
    return [f"{name}={value}" for name, value in told.items() if value]


def _whose(entry: Document) -> list[str]:
    return [side["identity"] for side in entry["identities"]]


def _persons(entry: Document) -> list[str]:
    return [person for side in entry["identities"] for person in persons_of(side)]
