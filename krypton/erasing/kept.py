"""Says until when the record is kept that a study is of. Nothing goes before, and nothing goes by itself then.

Retention is each identity's (``domain.retention``): all of its instances are kept until the same day, and a new exam
makes it a later one. So the day is worked out when it is asked for, by the rules in force, and stored nowhere.
"""

from collections.abc import Callable
from datetime import date
from functools import lru_cache
from typing import Final
from uuid import UUID

from domain.aggregates.study import Study
from domain.retention import Kept
from krypton.bootstrap import Krypton
from krypton.erasing.lapsed import last_of

REMEMBERED: Final = 10_000


def kept_until(ours: Krypton, study: UUID) -> date | None:
    """The first day on which the record of a study is not kept any more; None: the person is erased, or unknown."""
    return keeps(ours)(study)


def keeps(ours: Krypton) -> Callable[[UUID], date | None]:
    """The same of many studies, as of now: those of one person are worked out once."""
    rules = ours.ledger.rules().retention(ours.ledger.clock().date())

    @lru_cache(REMEMBERED)
    def kept(identity: str) -> Kept | None:
        found = last_of(ours, identity, rules)
        return rules.kept_until(found[1], found[0]) if found else None

    def of(study: UUID) -> date | None:
        held = ours.ledger.find(Study, study)
        told = kept(str(held.identity_id)) if held else None
        return told.until if told else None

    return of
