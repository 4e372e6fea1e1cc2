"""Of two dose reports of one study, which stands for the other; and which of a report's values count.

Nothing here depends on which report came first. A report stands for another where it holds all of its irradiation
events, and is later by content time or repeats all that the other states. Where no time says which of two is later (the
same, or none), and they state different values, both stand: nobody but a person knows which is right.

Doses that were taken from image headers (``source``: image) stand until a report of the same device comes, or of what
was injected any: it replaces them whole, whatever irradiation events they name, for an image often names none and tells
less than the report does.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from domain.dose_alerts import QUANTITIES
from domain.dose_devices import apart

IMAGE, REPORT = "image", "report"
KINDS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("ctdivol_mgy", "dlp_mgycm"), "CT"),
    **dict.fromkeys(("dap_mgycm2", "dose_rp_mgy", "agd_mgy"), "PROJECTION"),
    "activity_mbq": "RADIOPHARMACEUTICAL",
}
"""What gave a dose that is stated without an irradiation event."""
INJECTED: Final = frozenset({KINDS["activity_mbq"]})
"""What was injected is told by whatever device writes a report of it, and by the images of the scanner."""
NO_DEVICE: Final[Mapping[str, Any]] = {}
READ_AGAIN: Final = "report: read again, by a later program, from "
CORRECTS: Final = "report: corrects "
"""Each begins a note on what a report states that goes by a UID of the ledger; the UID that it was sent under follows.
"""


def sent_as(report_uid: str, notes: Iterable[str]) -> str:
    """The SOP Instance UID that a report was sent under. ``report_uid``: what the ledger calls it by since it was read
    again, or another content of it was accepted; ``notes``: what is said of it.
    """
    for note in notes:
        for begins in (READ_AGAIN, CORRECTS):
            if note.startswith(begins):
                return note.removeprefix(begins).partition(",")[0]
    return report_uid


@dataclass
class Held:
    """What the Dose aggregate keeps of one report.

    ``at``: its content time as encoded; ``events``: irradiation event UID to its values, in the order of QUANTITIES;
    ``source``: report or image; ``kinds``: of what it is; ``device``: with its serial number, where that is known.
    """

    uid: str
    at: str | None
    events: dict[str, tuple[float | None, ...]]
    totals: Mapping[str, float | None]
    implausible: frozenset[tuple[str, str]]  # event UID, or nothing for a total; and the quantity
    accepted: bool = False
    source: str = REPORT
    kinds: frozenset[str] = frozenset()
    device: Mapping[str, Any] = field(default_factory=dict)

    @staticmethod
    def of(
        uid: str,
        at: str | None,
        exposures: Iterable[Mapping[str, Any]],
        totals: Mapping[str, float | None],
        implausible: Iterable[str],
        source: str = REPORT,
        device: Mapping[str, Any] = NO_DEVICE,
    ) -> "Held":
        """Of a report as the event states it."""
        exposures = list(exposures)
        doubtful = [("", name) for name in implausible]
        doubtful += [(e["irradiation_event_uid"], name) for e in exposures for name in e.get("implausible") or ()]
        return Held(
            uid,
            at,
            {e["irradiation_event_uid"]: tuple(e.get(q) for q in QUANTITIES) for e in exposures},
            dict(totals),
            frozenset(doubtful),
            source=source,
            kinds=frozenset(e["kind"] for e in exposures) or _kinds_of(totals),
            device=device,
        )

    def supersedes(self, other: "Held") -> bool:
        """Whether it stands for the other. Of two that state the same one does: with a time, then of the first UID."""
        if self.source != other.source:
            return self.replaces(other)
        if not other.events or not other.events.keys() <= self.events.keys():
            return False
        ours, theirs = self.at or "", other.at or ""
        timed = bool(ours and theirs) and ours != theirs
        if timed and ours > theirs:
            return True
        if not self._repeats(other):
            return False
        if len(self.events) > len(other.events):
            return True
        if timed:
            return False
        if bool(ours) != bool(theirs):
            return bool(ours)
        return not other._repeats(self) or self.uid < other.uid

    def replaces(self, other: "Held") -> bool:
        """Whether it is a report, and the other doses from images that it takes the place of."""
        if (self.source, other.source) != (REPORT, IMAGE):
            return False
        if other.events and other.events.keys() <= self.events.keys():
            return True
        one_device = other.kinds == INJECTED or not apart(self.device, other.device)
        return bool(other.kinds) and other.kinds <= self.kinds and one_device

    def _repeats(self, other: "Held") -> bool:
        """Whether it states each known value of the other's; of more events, totals that are no less."""
        for uid, values in other.events.items():
            pairs = zip(values, self.events[uid], strict=True)
            if any(theirs is not None and theirs != ours for theirs, ours in pairs):
                return False
        known = [name for name, value in other.totals.items() if value is not None]
        return all(self.totals.get(name) is not None for name in known) and not self.differing_totals(other)

    def differing_totals(self, other: "Held") -> set[str]:
        """The totals that contradict each other: only where this report holds all events of the other.

        Of the same events they are equal, and of more events no less.
        """
        if not other.events or not other.events.keys() <= self.events.keys():
            return set()
        more = len(self.events) > len(other.events)
        found = set()
        for name, theirs in other.totals.items():
            ours = self.totals.get(name)
            if ours is not None and theirs is not None and (ours < theirs if more else ours != theirs):
                found.add(name)
        return found

    def values(self, quantity: str) -> Iterator[tuple[str, float]]:
        """The known and plausible values of a quantity, by event."""
        place = QUANTITIES.index(quantity)
        for uid, values in self.events.items():
            if (value := values[place]) is not None and (self.accepted or (uid, quantity) not in self.implausible):
                yield uid, value

    def total(self, quantity: str) -> float | None:
        """The report's own total, where it is known and plausible."""
        return self.totals.get(quantity) if self.accepted or ("", quantity) not in self.implausible else None

    def doubtful(self) -> bool:
        """Whether any of its values is implausible."""
        return bool(self.implausible)

    def doubts(self) -> dict[tuple[str, str], float | None]:
        """Its implausible values, by event UID (nothing for a total) and quantity; None of what is in no total."""
        return {(uid, name): self._stated(uid, name) for uid, name in self.implausible}

    def _stated(self, event_uid: str, quantity: str) -> float | None:
        if not event_uid:
            return self.totals.get(quantity)
        return self.events[event_uid][QUANTITIES.index(quantity)] if quantity in QUANTITIES else None


def _kinds_of(totals: Mapping[str, float | None]) -> frozenset[str]:
    """Of doses without an irradiation event, by the quantities that are known; not by what repeats others' doses, whose
    names have a part before a colon.
    """
    return frozenset(
        kind
        for name, value in totals.items()
        for end, kind in KINDS.items()
        if value is not None and name.endswith(end) and ":" not in name
    )


def overtaken(of_study: Mapping[tuple[str, str], Held]) -> dict[tuple[str, str], tuple[str, str]]:
    """Doses of images, each with a report that takes their place. ``of_study``: what is told of one study, and was not
    replaced yet, whichever identities it came under.
    """
    found = {}
    for key, held in of_study.items():
        if takes := [other for other, report in of_study.items() if report.replaces(held)]:
            found[key] = min(takes)
    return found


def counted(standing: Iterable[Held], superseded: Iterable[Held], quantity: str) -> dict[str, float]:
    """The value of each irradiation event that counts; of superseded reports only what no standing one knows, and of
    images only what no report knows.

    Of several the one of the latest content time. Where no time says which is later the greatest: too many alerts are
    looked at, too few are not.
    """
    found: dict[str, float] = {}
    standing, superseded = list(standing), list(superseded)
    ranked = [[h for h in held if h.source == source] for source in (IMAGE, REPORT) for held in (superseded, standing)]
    for reports in ranked:
        told: dict[str, list[tuple[str, float]]] = {}
        for held in reports:
            for uid, value in held.values(quantity):
                told.setdefault(uid, []).append((held.at or "", value))
        for uid, stated in told.items():
            latest = max(at for at, _ in stated)
            found[uid] = max(value for at, value in stated if at in ("", latest))
    return found
