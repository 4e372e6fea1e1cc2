"""Selects the two versions of a view for a diff, and the erased persons whose texts are masked in both."""

from functools import partial
from typing import Any

from domain.errors import NotFound
from krypton.bootstrap import Krypton
from projections.declared import VIEWS
from projections.engine.declaration import Meaning
from projections.engine.sealed import sealed_columns
from projections.identity_index.grouping import birth_dates_of
from projections.versions import catalog, promotable
from projections.versions.diff import Pair


def with_live(ours: Krypton, connection: Any, view: str, version: int) -> Pair:
    """The live version paired with the given one. Raises NotFound."""
    live = catalog.live_version(connection, view)
    if live is None:
        raise NotFound(f"no version of {view} is live: run krypton init")
    sealed = sealed_columns(ours.projection(view, version).tables)
    return Pair(view, live, version, sealed, sorted(ours.vault.all_destroyed()), meaning_of(ours, view))


def meaning_of(ours: Krypton, view: str) -> Meaning | None:
    """What a difference of the view means, by the rules of today and birth dates; None where rows tell all."""
    declared, rules, today = VIEWS[view], ours.ledger.rules(), ours.ledger.clock().date()
    known: list[Any] = [rules.by_day(kind, today) for kind in declared.told_by]
    if declared.told_by_birth:
        known.append(partial(birth_dates_of, destroyed=ours.vault.destroyed))
    return declared.meaning(*known)


def with_candidate(ours: Krypton, connection: Any, view: str, version: int | None = None) -> Pair:
    """The live version paired with the given one, by default the newest that is ready. Raises NotFound,
    NotPromotable.
    """
    return with_live(ours, connection, view, promotable.candidate(connection, view, version))
