"""What a mapping or a text of levels that nobody published would change: figures of groups, and nobody's dose.

It is compared as it will count: from its day on, where that is still to come.
"""

from datetime import date
from typing import Any

from domain.commands.rules import PublishRules
from domain.dose_changes import changes
from domain.rules.document import RuleDocument
from krypton.bootstrap import Krypton
from krypton.queries.comparing import comparison_by
from krypton.queries.findings import months_of, rows_by_site

Document = dict[str, Any]


def changed_by(ours: Krypton, told: RuleDocument, site: str | None, since: str | None, until: str | None) -> Document:
    """The ``rules diff`` document. Raises NotFound: no such establishment; and as publishing it would."""
    publish = PublishRules(document=told)
    publish.decide(ours.ledger.work([publish]))  # nothing is stored of it
    rules, today = ours.ledger.rules(), ours.ledger.clock().date()
    was = comparison_by(rules, today)
    becomes = comparison_by(rules.with_document(told), max(today, date.fromisoformat(told.in_force_from)))
    first, last = months_of(ours, since, until)
    by_site, person_of = rows_by_site(ours, site, first, last)
    found = {code: changes(rows, was, becomes, person_of) for code, rows in by_site.items()}
    return {
        "rules": str(told.id),
        "in_force_from": told.in_force_from,
        "since": first,
        "until": last,
        "exposures": sum(map(len, by_site.values())),
        **{
            part: [{"site": code, **one} for code, changed in found.items() for one in changed[part]]
            for part in ("acts", "flags", "findings")
        },
    }
