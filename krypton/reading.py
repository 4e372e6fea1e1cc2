"""Questions about a person: resolves who the person is, then asks one view about all members, in one picture.

What is sealed under a destroyed key is masked here at once, before any rebuild.
"""

from collections.abc import Callable, Collection
from typing import Any
from uuid import UUID

from domain.errors import NotFound
from krypton.bootstrap import Krypton
from projections.identity_index import queries as identities

Members = list[dict[str, Any]]
Ask = Callable[[Any, Members, Collection[str]], dict[str, Any]]


def of_person(ours: Krypton, ref: str, ask: Ask) -> dict[str, Any]:
    """Ask about the person that ``ref`` is in; the answer begins with ``person`` and ``members``."""
    identity = str(ours.resolve(ref))
    with ours.reading() as connection:
        members = identities.members(connection, identity)
        erased = ours.vault.destroyed(m["identity"] for m in members)
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
    asked = of_person(ours, ref, lambda c, members, erased: {"history": identities.history(c, members, erased)})
    return list(asked["history"])


def record_of(ours: Krypton, ref: str) -> dict[str, Any]:
    """The ``record show`` document."""
    from projections.patient_record import queries

    def ask(connection: Any, members: Members, erased: Collection[str]) -> dict[str, Any]:
        # A reassigned study's texts stay sealed under the identity it came in under.
        sealed_under = queries.subjects(connection, _ids(members))
        return queries.record(connection, _ids(members), ours.vault.destroyed(sealed_under))

    return of_person(ours, ref, ask)


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

    return of_person(ours, ref, queries.dose)


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

    return list(of_person(ours, ref, ask)["accesses"])


def study_of_alert(ours: Krypton, alert: UUID) -> UUID:
    """The study that an alert is about. Raises NotFound."""
    from projections.cumulative_dose import queries

    with ours.reading() as connection:
        known = {a["alert"]: a["study"] for a in queries.alerts(connection, open_only=False)}
    if str(alert) not in known:
        raise NotFound(f"no alert {alert}: see krypton dose alerts --all")
    return UUID(known[str(alert)])
