"""Takes out of a list's row what its reader does not see, as the gate decided (X18, X19).

A consent that leaves out the row's study or its author leaves the row on the list, for the work is there to be done,
and nothing clinical in it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from domain.sight import Exclusions, Seen
from krypton.queries.alerts_over import without

Document = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """What is in the rows of one list.

    ``known``: what the ledger knows of the person; ``written``: words of the establishment in ``by``; ``clinical``: all
    that tells of health, or of who was taken for whom; ``author``: who wrote it; ``date``: when its study began, where
    the row has it.
    """

    clinical: tuple[str, ...]
    known: tuple[str, ...] = ()
    written: tuple[str, ...] = ()
    by: str = "site"
    author: str | None = None
    date: str | None = None

    def hidden(self, row: Mapping[str, Any], seen: Seen, site: str | None) -> tuple[str, ...]:
        """What a reader who acts from that site is not shown."""
        if seen is Seen.WHOLE:
            return ()
        if seen is Seen.WITHHELD:
            return (*self.known, *self.written, *self.clinical)
        return self.known if row[self.by] == site else (*self.known, *self.written)

    def left_out(self, row: Mapping[str, Any], exclusions: Exclusions) -> bool:
        """Whether consents leave out the row's study, if it has one, or its author."""
        if self.author is not None and exclusions.author(row[self.author]):
            return True
        has_one = row.get("study") or row["study_uid"]
        return bool(has_one) and exclusions.study(row["study_uid"], row[self.date] if self.date else None)


ORDER: Final = Kind(
    known=("patient",),
    written=("question", "cancel_reason"),
    clinical=("modality", "act", "study_uid", "report_uid", "ordered_by", "pregnancy"),
    author="ordered_by",
)
READING: Final = Kind(
    known=("patient", "modalities", "date", "conclusion", "report_uid"),
    clinical=("question", "decline_reason", "study_uid", "read_by"),
    by="from_site",
    author="read_by",
    date="date",
)
ALERT: Final = Kind(
    clinical=(
        "irradiation_event_uid",
        "kind",
        "quantity",
        "value",
        "threshold",
        "rule",
        "rule_version",
        "note",
        "rule_kind",
        "window_days",
        "studies",
        "person_then",
        "person_now",
        "since_then",
    )
)


def as_seen(row: Document, kind: Kind, whose: Iterable[str], result: Mapping[str, Any]) -> Document:
    """The row as its reader sees it. ``whose``: the identities it is about; ``result``: the gate's decision."""
    people = [*whose]
    seen = max(_seen(one, result) for one in people)
    consents = [Exclusions.of(result["exclusions"].get(one, ())) for one in people]
    if any(kind.left_out(row, consent) for consent in consents):
        seen = Seen.WITHHELD
    row = without(row, lambda _, one: any(consent.study(one["study_uid"], None) for consent in consents))
    return row | dict.fromkeys(kind.hidden(row, seen, result["site"])) | {"seen": seen.name.lower()}


def _seen(identity: str, result: Mapping[str, Any]) -> Seen:
    if identity in result["withheld"]:
        return Seen.WITHHELD
    return Seen.UNNAMED if identity in result["unnamed"] else Seen.WHOLE
