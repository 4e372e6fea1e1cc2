"""Questions about a person: resolves who the person is, then asks one view about all members, in one picture.

What is sealed under a destroyed key is masked here at once, before any rebuild.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Any
from uuid import UUID

from domain.errors import NotFound
from krypton.bootstrap import Krypton
from projections.identity_index import queries as identities

Members = list[dict[str, Any]]
Ask = Callable[[Any, Members, Collection[str]], dict[str, Any]]
Subjects = Callable[[Any, Sequence[str]], Collection[str]]


def of_person(ours: Krypton, ref: str, ask: Ask, subjects: Subjects | None = None) -> dict[str, Any]:
    """Ask about the person that ``ref`` is in; the answer begins with ``person`` and ``members``.

    ``subjects``: the identities beside the members under whose keys some of the answer is sealed, because a study was
    reassigned or two identities were merged once.
    """
    identity = str(ours.resolve(ref))
    with ours.reading() as connection:
        members = identities.members(connection, identity)
        others = subjects(connection, _ids(members)) if subjects else ()
        erased = ours.vault.destroyed({*_ids(members), *others})
        shown = identities.members(connection, identity, erased=erased) if erased else members
        person = identities.person(connection, identity)
        return {"person": person, "members": shown} | ask(connection, members, erased)


def _ids(members: Members) -> list[str]:
    return [m["identity"] for m in members]


def identity_of(ours: Krypton, ref: str) -> dict[str, Any]:
    """The ``identity show`` document."""
    identity = str(ours.resolve(ref))
    return of_person(ours, ref, lambda connection, _, erased: identities.show(connection, identity, erased))


def history_of(ours: Krypton, ref: str) -> list[dict[str, Any]]:
    """Every event that touched the identity or the person it is in, in ledger order."""

    def ask(connection: Any, members: Members, erased: Collection[str]) -> dict[str, Any]:
        return {"history": identities.history(connection, members, erased)}

    return list(of_person(ours, ref, ask, identities.subjects)["history"])


def record_of(ours: Krypton, ref: str) -> dict[str, Any]:
    """The ``record show`` document."""
    from projections.patient_record import queries

    def ask(connection: Any, members: Members, erased: Collection[str]) -> dict[str, Any]:
        return queries.record(connection, _ids(members), erased)

    return of_person(ours, ref, ask, queries.subjects)


def order_of(ours: Krypton, order: UUID) -> dict[str, Any]:
    """One order, as ``record show`` lists it. Raises NotFound."""
    from projections.patient_record import queries

    with ours.reading() as connection:
        found = queries.order(connection, str(order))
    if found is None:
        raise NotFound(f"no order {order}: see krypton record show")
    erased = ours.vault.destroyed([found["identity"]])
    return queries.shown_order(found, erased)


def dose_of(ours: Krypton, ref: str) -> dict[str, Any]:
    """The ``dose show`` document."""
    from projections.cumulative_dose import queries

    return of_person(ours, ref, queries.dose, queries.subjects)


def consents_of(ours: Krypton, ref: str) -> dict[str, Any]:
    """What was said on behalf of the person: ``statements``, and what they amount to in ``standing``."""
    from projections.access_history import queries

    def ask(connection: Any, members: Members, erased: Collection[str]) -> dict[str, Any]:
        statements = queries.consents(connection, _ids(members), erased=erased)
        return {"standing": queries.standing(statements), "statements": statements}

    return of_person(ours, ref, ask)


def accesses_of(ours: Krypton, ref: str, **filters: Any) -> list[dict[str, Any]]:
    """Every request for the person's record, denied ones too. ``filters``: by, site, since, until, emergency."""
    from projections.access_history import queries

    def ask(connection: Any, members: Members, erased: Collection[str]) -> dict[str, Any]:
        return {"accesses": queries.accesses(connection, _ids(members), erased=erased, **filters)}

    return list(of_person(ours, ref, ask, queries.subjects)["accesses"])


def pairs_to_review(ours: Krypton) -> list[dict[str, Any]]:
    """The ``identity review list`` document."""
    from projections.identity_index import review

    with ours.reading() as connection:
        found = review.review_list(connection)
        erased = ours.vault.destroyed(side["identity"] for pair in found for side in pair["identities"])
        return review.review_list(connection, erased) if erased else found


def alerts_of(ours: Krypton, *, open_only: bool, site: str | None) -> list[dict[str, Any]]:
    """The ``dose alerts`` document: of one establishment's reports, or of all."""
    from projections.cumulative_dose import queries

    with ours.reading() as connection:
        erased = ours.vault.destroyed(queries.subjects(connection))
        return queries.alerts(connection, open_only, site, erased)


def study_of_alert(ours: Krypton, alert: UUID) -> UUID:
    """The study that an alert is about. Raises NotFound."""
    from projections.cumulative_dose import queries

    with ours.reading() as connection:
        known = {a["alert"]: a["study"] for a in queries.alerts(connection, open_only=False)}
    if str(alert) not in known:
        raise NotFound(f"no alert {alert}: see krypton dose alerts --all")
    return UUID(known[str(alert)])
