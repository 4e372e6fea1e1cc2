"""Lists that show several people; each is recorded, with those on it and the reason, before it is shown.

A list is bounded, and says when there is more. What came in against an opposition to feeding is not on it. A
professional's says in ``seen`` how much they see of a row (X18); what is more is behind an access.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final
from uuid import UUID

from domain.actors import Caller
from domain.aggregates.professional import Professional
from domain.commands.accesses import why
from domain.commands.judging import site_of
from domain.commands.listings import ListPeople
from domain.errors import NotFound
from domain.sight import Sight
from domain.tasks import may
from domain.work import Work, touched_by
from krypton.bootstrap import Krypton
from krypton.queries import alerts_over
from krypton.queries.gate import decided, feeding_of, open_accesses
from krypton.queries.notices import persons_of, with_persons
from krypton.queries.rows import ALERT, ORDER, READING, Kind, as_seen
from projections.identity_index import queries as identities

OPEN_ORDERS: Final = ("placed", "presented", "scheduled")
OPEN_READINGS: Final = ("requested", "accepted")
PAGE: Final = 50
"""Rows of a list, where nobody asks for another number."""

Document = dict[str, Any]
Find = Callable[[Any, str | None], Sequence[Document]]
Whose = Callable[[Document], Iterable[str]]
Made = Callable[[Document], tuple[int, Iterable[str | None]]]


def listed(
    ours: Krypton,
    caller: Caller,
    task: str,
    find: Find,
    whose: Whose,
    *,
    made: Made | None = None,
    kind: Kind | None = None,
    asked: Iterable[str] = (),
    also: Whose | None = None,
) -> list[Document]:
    """Find rows, record who is on them, and show them.

    ``find`` gets a connection and the site that a professional acts from (their lists are of that one alone; None for
    other callers, or as the caller said); ``whose``: the identities that a row shows; ``made``: of a row that an
    opposition to feeding may withhold, the position at which it came in, and from where; ``kind``: of rows that
    professionals do not see alike; ``also``: further identities that a row names by id, which are on record too.
    Raises ViewRefused (X1, X2, X4, W2, on record), ReasonMissing (X3), UnfitReason (X15).
    """
    why(caller.reason or "")
    limits = tuple(asked)
    site = caller.site
    if caller.rpps is not None:
        site = site_of(caller, ours.ledger.find(Professional, Professional.create_id(ours.ledger.ids, caller.rpps)))
    if not may(caller.role, task) or (caller.rpps is not None and site is None):
        decided(ours, caller, ListPeople(caller=caller, task=task, asked=limits))
    with ours.snapshot() as connection:
        found = list(find(connection, site))
    if made is not None:
        found = _fed(ours, found, whose, made, site)
    shown = {one for row in found for of in (whose, also) if of for one in of(row)}
    result = decided(ours, caller, _command(ours, caller, task, shown, limits)).result
    return found if kind is None else [as_seen(row, kind, whose(row), result) for row in found]


def foreseen(
    ours: Krypton, caller: Caller, task: str, shown: Iterable[str], asked: Iterable[str] = ()
) -> Mapping[str, Any]:
    """What the ledger would decide of a list of these identities now; nothing is recorded. Raises as ``ListPeople``."""
    command = _command(ours, caller, task, shown, tuple(asked))
    return command.decide(Work(ours.ledger, touched_by(ours.ids, command)))


def _command(ours: Krypton, caller: Caller, task: str, shown: Iterable[str], limits: tuple[str, ...]) -> ListPeople:
    people = sorted({*shown})
    members = ours.ledger.membership().members_of(people) if caller.rpps else []
    ours.vault.prefetch({*people, *members})
    return ListPeople(
        caller=caller,
        task=task,
        shown=tuple(map(UUID, people)),
        asked=limits,
        accesses=open_accesses(ours, caller, members),
        expected=tuple(members),
    )


def _fed(ours: Krypton, rows: Sequence[Document], whose: Whose, made: Made, site: str | None) -> list[Document]:
    """The rows that no opposition to feeding keeps from somebody who acts from that site."""
    stated = feeding_of(ours, {one for row in rows for one in whose(row)})
    sights = {one: Sight(oppositions=held, site=site) for one, held in stated.items()}

    def hides(row: Document, arrived: int, sites: Iterable[str | None]) -> bool:
        return any(sights[one].withholds(arrived, sites) for one in whose(row))

    kept = (row for row in rows if not hides(row, *made(row)))
    return [alerts_over.without(row, lambda row, of: hides(row, of["position"], [of["site"]])) for row in kept]


def alerts_of(
    ours: Krypton, caller: Caller, *, open_only: bool, site: str | None, limit: int = PAGE, alert: UUID | None = None
) -> list[Document]:
    """The ``dose alerts`` document: of one establishment's reports, or of all. ``alert``: that one, whatever became of
    it; raises NotFound where it is not among them.
    """
    from projections.cumulative_dose import alerts, queries

    if caller.rpps is not None and caller.site is None:
        caller = replace(caller, site=site)

    def find(connection: Any, own: str | None) -> list[Document]:
        erased = ours.vault.destroyed(queries.subjects(connection))
        one = None if alert is None else str(alert)
        found = alerts.alerts(connection, open_only and one is None, own or site, erased, limit=limit, alert=one)
        found = alerts_over.with_reports(connection, found)
        return with_persons(connection, found, lambda row: int(row["position"]))

    def made(row: Document) -> tuple[int, Iterable[str | None]]:
        return row["report_position"], [row["site"]]

    asked = [*([f"site={site}"] if site else []), *([f"alert={alert}"] if alert else [])]
    limits: dict[str, Any] = {"made": made, "kind": ALERT, "asked": asked, "also": persons_of}
    found = alerts_over.told(ours, listed(ours, caller, "dose.alerts", find, lambda row: [row["identity"]], **limits))
    if alert and not found:
        raise NotFound(f"no alert {alert} where you act from: see krypton dose alerts --all")
    return found


def emergencies_to_review(
    ours: Krypton, caller: Caller, *, site: str | None = None, limit: int = PAGE, access: UUID | None = None
) -> list[Document]:
    """The ``access review list`` document: emergency accesses that nobody closed, until somebody reviewed them.

    ``access``: that one, reviewed or not; raises NotFound where it is none that nobody closed.
    """
    from projections.access_history import queries

    def find(connection: Any, own: str | None) -> list[Document]:
        which: dict[str, Any] = {"site": site or own, "limit": limit, "access": access and str(access)}
        found = queries.to_review(connection, **which)
        if erased := ours.vault.destroyed(row["identity"] for row in found):
            found = queries.to_review(connection, **which, erased=erased)
        return with_persons(connection, found, lambda row: int(row["position"]))

    asked = [*([f"site={site}"] if site else []), *([f"access={access}"] if access else [])]
    found = listed(
        ours, caller, "access.review.list", find, lambda row: [row["identity"]], asked=asked, also=persons_of
    )
    if access and not found:
        raise NotFound(f"no emergency access {access} that was left open: see krypton access review list")
    return found


def orders_of(
    ours: Krypton, caller: Caller, *, states: Sequence[str] = OPEN_ORDERS, limit: int = PAGE
) -> list[Document]:
    """The ``order list`` document: what the establishment that a professional acts from placed, was brought or makes.

    Such an establishment took part in making it: an opposition to feeding keeps nothing of it from them.
    """
    from projections.patient_record import orders

    def find(connection: Any, site: str | None) -> list[Document]:
        return _with_patients(ours, connection, partial(orders.at_site, connection, str(site), states, limit))

    return listed(ours, caller, "order.list", find, _whose, kind=ORDER, asked=[f"state={state}" for state in states])


def readings_of(
    ours: Krypton, caller: Caller, *, states: Sequence[str] = OPEN_READINGS, limit: int = PAGE
) -> list[Document]:
    """The ``reading list`` document: what the establishment that a professional acts from asked for, or is asked."""
    from projections.patient_record import readings

    def find(connection: Any, site: str | None) -> list[Document]:
        found = _with_patients(ours, connection, partial(readings.at_site, connection, str(site), states, limit))
        return _studies_fed(ours, found, site)

    asked = [f"state={state}" for state in states]
    return listed(ours, caller, "reading.list", find, _whose, kind=READING, asked=asked)


def _studies_fed(ours: Krypton, readings: Sequence[Document], site: str | None) -> list[Document]:
    """The readings, each without its study where an opposition to feeding keeps that from who acts from this site.

    Whoever made the study shows it to whom they ask; an establishment that only asks shows nobody another's.
    """
    stated = feeding_of(ours, {row["identity"] for row in readings})
    found = []
    for row in readings:
        made_at, at = row.pop("study_site"), row.pop("study_position")
        made = {made_at, row["to_site"] if row["from_site"] == made_at else None}
        kept = Sight(oppositions=stated[row["identity"]], site=site).withholds(at, made)
        found.append(row | dict.fromkeys(("study_uid", "modalities", "date")) if kept else row)
    return found


def _with_patients(ours: Krypton, connection: Any, find: Callable[..., list[Document]]) -> list[Document]:
    """Each row with who it is about; ``find`` takes the identities whose key is destroyed."""
    rows = find()
    erased = ours.vault.destroyed({one for row in rows for one in _whose(row)})
    known = identities.named(connection, {row["identity"] for row in rows}, erased)
    return [{"patient": known.get(row["identity"])} | row for row in (find(erased) if erased else rows)]


def _whose(row: Document) -> list[str]:
    """Who a row is about, and under whose key its texts are sealed."""
    return [row["identity"], *([row["subject"]] if "subject" in row else [])]


def people_found(
    ours: Krypton, caller: Caller, criteria: Mapping[str, str], *, limit: int = PAGE, skip: int = 0
) -> list[Document]:
    """The ``identity search`` document, after the first ``skip``. Recorded with who was found and by what, never with
    what was sought.
    """
    from projections.identity_index.search import search

    def find(connection: Any, _: str | None) -> list[Document]:
        found = search(connection, criteria, limit, skip=skip)
        erased = ours.vault.destroyed({row["identity"] for row in found})
        return search(connection, criteria, limit, erased, skip=skip) if erased else found

    return listed(ours, caller, "identity.search", find, _whose, asked=[f"by={name}" for name in sorted(criteria)])


def study_of_alert(ours: Krypton, alert: UUID) -> UUID:
    """The study that an alert is about: an id, and nothing else. Raises NotFound."""
    from projections.cumulative_dose import alerts

    with ours.snapshot() as connection:
        found = alerts.study_of(connection, str(alert))
    if found is None:
        raise NotFound(f"no alert {alert}: see krypton dose alerts --all")
    return UUID(found)
