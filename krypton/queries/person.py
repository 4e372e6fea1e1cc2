"""Queries about one person: each passes the gate, then reads one view for all the person's identities.

What is sealed under a destroyed key is masked here at once, before any rebuild.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from domain.actors import Caller, Role
from domain.errors import NotFound
from domain.sight import Sight
from krypton.bootstrap import Krypton
from krypton.queries.comparing import comparison
from krypton.queries.doses import asked_of, factors_of
from krypton.queries.gate import Permit, permit
from projections.engine.query import masked
from projections.identity_index import queries as identities

EXPORT = "dose.export"
"""The task of giving doses to another system."""
Members = list[dict[str, Any]]
Ask = Callable[[Any, Members, Collection[str], Sight], dict[str, Any]]
Subjects = Callable[[Any, Sequence[str]], Collection[str]]


def of_person(ours: Krypton, allowed: Permit, ask: Ask, subjects: Subjects | None = None) -> dict[str, Any]:
    """Ask about the person that was decided about; the answer begins with ``person`` and ``members``.

    An identity that the view still holds to be the person's, and the decision does not, is left out. ``subjects``: the
    identities beside the members under whose keys some of the answer is sealed, because a study was reassigned or two
    identities were merged once.
    """
    with ours.snapshot() as connection:
        found = identities.members(connection, allowed.identity)
        members = [member for member in found if member["identity"] in allowed.members]
        others = subjects(connection, _ids(members)) if subjects else ()
        erased = ours.vault.destroyed({*_ids(members), *others})
        answer = ask(connection, members, erased, allowed.sight)
        whose = {"person": members[0]["identity"], "members": masked(members, erased)}
        return whose | answer | whose


def _ids(members: Members) -> list[str]:
    return [m["identity"] for m in members]


def _patient(connection: Any, members: Members, erased: Collection[str]) -> dict[str, Any]:
    """The first lines of an answer: who it is about."""
    return {"patient": identities.patient(connection, _ids(members), erased)}


def identity_of(ours: Krypton, caller: Caller, ref: str, *, links: bool = False) -> dict[str, Any]:
    """The ``identity show`` document. Raises as ``permit`` does, and so do all below.

    ``links``: with what was last said of each pair; only clerks see pairs with somebody else, and professionals, whose
    task no history is, see no reason.
    """
    allowed = permit(ours, caller, "identity.show", ref, asked=["with=links"] if links else [])

    def ask(connection: Any, members: Members, erased: Collection[str], _: Sight) -> dict[str, Any]:
        shown = identities.show(connection, allowed.identity, erased)
        shown["duplicates"] = identities.duplicates(connection, _ids(members), erased)
        if not links:
            return shown
        from projections.identity_index.said import links as said

        found = said(connection, _ids(members), erased, within=caller.role is not Role.CLERK)
        unsaid = {"reason": None} if caller.role is Role.PROFESSIONAL else {}
        return shown | {"links": [one | unsaid for one in found]}

    return of_person(ours, allowed, ask, identities.subjects if links else None)


def history_of(ours: Krypton, caller: Caller, ref: str) -> list[dict[str, Any]]:
    """Every event that touched the identity or the person it is in, in ledger order; for a patient, of themself."""

    def ask(connection: Any, members: Members, erased: Collection[str], _: Sight) -> dict[str, Any]:
        told = identities.history(connection, members, erased)
        return {"history": identities.own(told, _ids(members)) if caller.role is Role.PATIENT else told}

    return list(of_person(ours, permit(ours, caller, "identity.history", ref), ask, identities.subjects)["history"])


def record_of(ours: Krypton, caller: Caller, ref: str, keys: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The ``record show`` document; ``keys``: of studies, those that meet all of them (``conditions.STUDY``).

    Raises BadKey, before anything is decided.
    """
    from krypton.queries.conditions import of_study

    condition, values = of_study(keys or {})
    allowed = permit(ours, caller, "record.show", ref, asked=[f"key={name}" for name in sorted(keys or ())])
    from krypton.queries.fed import record
    from projections.patient_record import found, queries

    def ask(connection: Any, members: Members, erased: Collection[str], sight: Sight) -> dict[str, Any]:
        shown = record(connection, connection, ours.codec, _ids(members), erased, sight)
        if keys:
            meet = found.studies(connection, _ids(members), condition, values)
            shown["studies"] = [study for study in shown["studies"] if study["study"] in meet]
        review = _to_review(connection, _ids(members), shown["studies"], named=caller.role is not Role.PATIENT)
        return _patient(connection, members, erased) | shown | {"to_review": review}

    return of_person(ours, allowed, ask, queries.subjects)


def _to_review(
    connection: Any, members: Sequence[str], studies: Sequence[Mapping[str, Any]], *, named: bool
) -> list[dict[str, Any]]:
    """Of these studies, those whose UID a study of another person bears, too, while a clerk is asked about the two.

    ``named``: with the link of the pair that waits. Who the other one is stands on the clerk's list alone.
    """
    from projections.identity_index.review import waiting_with
    from projections.patient_record.shared import others_of

    shared = others_of(connection, [study["study"] for study in studies])
    links = waiting_with(connection, members, {other for _, other in shared}) if shared else {}
    uids = {study["study"]: study["study_uid"] for study in studies}
    found = dict.fromkeys((study, links[other] if named else None) for study, other in shared if other in links)
    return [{"study": study, "study_uid": uids[study], "link": link} for study, link in found]


def placed_for(ours: Krypton, order: UUID) -> str:
    """The identity that an order is for, as an id and nothing else. Raises NotFound."""
    from projections.patient_record import orders

    with ours.snapshot() as connection:
        placed = orders.one(connection, str(order))
    if placed is None:
        raise _no_order(order)
    return str(placed["identity"])


def _no_order(order: UUID) -> NotFound:
    return NotFound(f"no order {order}: see krypton record show")


def order_of(ours: Krypton, caller: Caller, order: UUID) -> dict[str, Any]:
    """One order, as ``record show`` lists it. Raises NotFound, also where the reader does not see it."""
    allowed = permit(ours, caller, "order.show", placed_for(ours, order))
    from projections.patient_record import orders, queries

    with ours.snapshot() as connection:
        found = orders.one(connection, str(order))
        if found is None or found["identity"] not in allowed.members:  # it may have moved since it was asked about
            raise _no_order(order)
        if orders.hidden(found, allowed.sight, queries.starts(connection, sorted(allowed.members))):
            raise _no_order(order)
    return orders.shown(orders.fed(found, allowed.sight), ours.vault.destroyed([found["identity"]]))


def dose_of(
    ours: Krypton,
    caller: Caller,
    ref: str,
    *,
    since: str | None = None,
    until: str | None = None,
    by: Sequence[str] = (),
    task: str = "dose.show",
) -> dict[str, Any]:
    """The ``dose show`` document; ``since``, ``until``: days, both in it; ``by``: sums by these (``sums.BY``).

    ``task``: as what the decision is asked for and recorded; of ``EXPORT``, with ``imaging``: whether each study's
    images are ``available`` or ``withdrawn``.
    """
    allowed = permit(ours, caller, task, ref, asked=[f"with={one}" for one in by])
    factors = factors_of(ours)
    from projections.cumulative_dose import queries
    from projections.patient_record import queries as records
    from projections.patient_record.unsettled import unread_of

    compared = comparison(ours)

    def ask(connection: Any, members: Members, erased: Collection[str], sight: Sight) -> dict[str, Any]:
        started = records.starts(connection, _ids(members)) if sight.exclusions.periods else {}
        who = _patient(connection, members, erased)
        asked = asked_of(connection, _ids(members), erased, sight, factors, since=since, until=until, by=by)
        asked = replace(asked, compare=compared.exposure)
        shown = queries.dose(connection, members, erased, sight=sight, started=started, asked=asked)
        unread = {"unread": unread_of(connection, _ids(members), sight, erased)}
        imaging = {"imaging": records.imaging(connection, _ids(members))} if task == EXPORT else {}
        return who | shown | unread | imaging

    return of_person(ours, allowed, ask, lambda views, ids: queries.subjects(views, ids) | records.subjects(views, ids))


def consents_of(ours: Krypton, caller: Caller, ref: str) -> dict[str, Any]:
    """What was said on behalf of the person: ``statements``, and what they amount to in ``standing``."""
    allowed = permit(ours, caller, "consent.show", ref)
    from projections.access_history import queries

    def ask(connection: Any, members: Members, erased: Collection[str], _: Sight) -> dict[str, Any]:
        statements = queries.consents(connection, _ids(members), erased=erased)
        return {"standing": queries.standing(statements), "statements": statements}

    return of_person(ours, allowed, ask)
