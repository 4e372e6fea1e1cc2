"""Finds what a person's doses are asked with beside the dose view.

Birth dates, what orders say of a pregnancy, and the factors of estimates that are in force.
"""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from domain.dose_estimates import DoseFactors
from domain.sight import ALL, Sight
from krypton.bootstrap import Krypton

if TYPE_CHECKING:
    from projections.cumulative_dose.asked import Asked


def asked_of(
    connection: Any,
    members: Sequence[str],
    erased: Collection[str],
    sight: Sight,
    factors: DoseFactors,
    *,
    since: str | None = None,
    until: str | None = None,
    by: Sequence[str] = (),
) -> "Asked":
    """``members``: the identities of the person; ``since``, ``until``, ``by``: as of ``dose show``."""
    from projections.cumulative_dose.asked import Asked
    from projections.cumulative_dose.sums import Period
    from projections.identity_index.queries import birth_dates

    return Asked(
        Period(since, until),
        tuple(by),
        birth_dates(connection, members, erased),
        pregnancies(connection, members, erased, sight),
        factors,
    )


def factors_of(ours: Krypton) -> DoseFactors:
    """The factors in force today."""
    return ours.ledger.rules().factors(ours.ledger.clock().date())


def pregnancies(
    connection: Any, members: Sequence[str], erased: Collection[str], sight: Sight = ALL
) -> dict[str, tuple[str, ...]]:
    """By study UID what the orders say that the reader sees; nothing of one whose key is destroyed."""
    from projections.patient_record import orders
    from projections.patient_record.pregnancies import answered, saying
    from projections.patient_record.queries import starts

    placed = saying(connection, [one for one in members if one not in erased])
    if not placed:
        return {}
    started = starts(connection, members) if sight.exclusions.periods else {}
    seen = [one for one in placed if not orders.hidden(one, sight, started)]
    return answered(connection, members, [orders.fed(one, sight) for one in seen])
