"""The dose reports of one study together: which of them stand, and what counts of what they state.

The rules (D) are those of ``domain.aggregates.dose``, which records them; of two reports ``domain.dose_reports`` says
which stands for the other.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from math import fsum
from uuid import UUID

from domain.dose_alerts import WATCHED, greatest
from domain.dose_devices import Device, Stated, counting
from domain.dose_moments import WHOLE, Moment
from domain.dose_reports import IMAGE, REPORT, Held, counted, overtaken
from domain.errors import OtherReportStands


@dataclass
class Reports:
    """``held``: by report UID, in ledger order; ``superseded``: report UID to the one that superseded it; ``replaced``:
    of those the ones that count no more at all; ``moments``: by report and irradiation event.
    """

    study_id: UUID
    study_uid: str
    held: dict[str, Held] = field(default_factory=dict)
    superseded: dict[str, str] = field(default_factory=dict)
    replaced: set[str] = field(default_factory=set)
    moments: dict[tuple[str, str], Moment] = field(default_factory=dict)

    def kept(self) -> dict[str, Held]:
        """What stands or is superseded, by report UID: not what a report came in place of."""
        return {uid: held for uid, held in self.held.items() if uid not in self.replaced}

    def superseding(self, new: Held, corrects: Collection[str], *, again: bool = False) -> list[tuple[str, str]]:
        """What a new report changes: each report that is superseded with it, and by which. Raises OtherReportStands.

        ``again``: it states what ``corrects`` state, read again. It takes the place also of one that a later report of
        the device superseded: what was misread is in no other report, and would count for ever.
        """
        over = [
            uid
            for uid, held in self.held.items()
            if (uid not in self.superseded and (uid in corrects or new.supersedes(held)))
            or (
                uid not in self.replaced
                and (new.replaces(held) or (uid in corrects and (again or held.source == IMAGE)))
            )
        ]
        others = (held for uid, held in self.held.items() if uid not in corrects)
        ends = {self._standing_for(held.uid) for held in others if held.supersedes(new)}
        within = sorted(ends.difference(over), key=lambda uid: (self.held[uid].source == IMAGE, uid))
        replaced = [uid for uid in corrects if uid in self.held]
        if replaced and within and not any(uid in over for uid in replaced):
            raise OtherReportStands(
                f"dose report {within[0]} of study {self.study_id} stands for this one, by its content time or by what "
                "it holds: accepting this one would change nothing. Dismiss the conflict, or have the device send its "
                "report again"
            )
        return [(new.uid, by) for by in within[:1]] + [(uid, new.uid) for uid in over]

    def _standing_for(self, uid: str) -> str:
        """The report that stands for a report: itself, where it is not superseded."""
        while uid in self.superseded:
            uid = self.superseded[uid]
        return uid

    def values(
        self, quantities: Collection[str] = WATCHED, modalities: Collection[str] = ()
    ) -> dict[str, tuple[float | None, str]]:
        """Quantity to the study's current value (None: not known) and the report that states it.

        The greater of what one report states that is not superseded, and the sum over distinct exposures, ``qa`` ones
        included, each with the value that counts (``counted``), and over what reports of other devices state alone
        (``stated_alone``). ``modalities``: only what is of these; none means any.
        """
        standing, _ = self._by_standing(modalities)
        last = next((uid for uid in reversed(self.held) if self._is_of(uid, modalities)), "")
        found: dict[str, tuple[float | None, str]] = {}
        for quantity in quantities:
            known = [*self.counted(quantity, modalities).values()]
            known += [one.value for one in self.stated_alone(quantity, modalities)]
            summed = fsum(known) if known else None
            totals = [(value, held.uid) for held in standing if (value := held.total(quantity)) is not None]
            stated, report_uid = max(totals, default=(None, last))
            value = greatest(stated, summed)
            found[quantity] = value, report_uid if value == stated else last
        return found

    def counted(self, quantity: str, modalities: Collection[str] = ()) -> dict[str, float]:
        """Irradiation event to the value that counts (``dose_reports.counted``); implausible ones once accepted.

        An event is of a modality by itself: the report of a hybrid room holds several.
        """
        found = counted(*self._by_standing(modalities), quantity)
        if not modalities:
            return found
        return {
            uid: value for uid, value in found.items() if self.moments[self.carrier_of(uid), uid].modality in modalities
        }

    def stated_alone(self, quantity: str, modalities: Collection[str] = ()) -> list[Stated]:
        """The totals that count of devices of which no exposure is known (``domain.dose_devices``)."""
        stated, known = self.alone(quantity, modalities)
        return counting(stated, known)

    def alone(self, quantity: str, modalities: Collection[str] = ()) -> tuple[list[Stated], list[Device]]:
        """The totals of reports that name no exposure, and the devices of those that name one."""
        standing, superseded = self._by_standing(modalities)
        stated = [
            Stated((self.study_uid, held.uid), value, held.device)
            for held in standing
            if not held.events and (value := held.total(quantity)) is not None
        ]
        return stated, [held.device for held in (*standing, *superseded) if held.events]

    def carrier_of(self, event_uid: str) -> str:
        """The report that tells of an irradiation event: one that counts and stands before others, then the latest."""
        carry = (held for held in self.held.values() if event_uid in held.events)
        ranked = {
            held.uid: (
                held.uid not in self.replaced,
                held.source == REPORT,
                held.uid not in self.superseded,
                held.at or "",
            )
            for held in carry
        }
        return max(ranked, key=lambda uid: (ranked[uid], uid))

    def _by_standing(self, modalities: Collection[str]) -> tuple[list[Held], list[Held]]:
        """Of what is kept the reports that stand, and those that are superseded."""
        kept = [held for uid, held in self.kept().items() if self._is_of(uid, modalities)]
        return [h for h in kept if h.uid not in self.superseded], [h for h in kept if h.uid in self.superseded]

    def _is_of(self, report_uid: str, modalities: Collection[str]) -> bool:
        """Whether any of its events is of these modalities; without an event, the report itself."""
        events = self.held[report_uid].events or (WHOLE,)
        return not modalities or any(self.moments[report_uid, event].modality in modalities for event in events)

    def is_of_image(self, old: str, by: str) -> bool:
        """Whether a report takes the place of doses that were taken from images."""
        return self.held[old].source == IMAGE and self.held[by].source == REPORT


def settled(of_person: Iterable[Reports]) -> dict[UUID, Reports]:
    """The reports of each study of one person, by the study's id. Doses of images count no more where a report of the
    study takes their place that came under another identity of the person: no event of one Dose says so.
    """
    studies = {reports.study_id: reports for reports in of_person}
    by_uid: dict[str, dict[tuple[str, str], Held]] = {}
    for study, reports in studies.items():
        told = {(str(study), uid): held for uid, held in reports.kept().items()}
        by_uid.setdefault(reports.study_uid, {}).update(told)
    gone: dict[UUID, set[str]] = {study: set() for study in studies}
    for told in by_uid.values():
        for of, uid in overtaken(told):
            gone[UUID(of)].add(uid)
    return {study: replace(reports, replaced=reports.replaced | gone[study]) for study, reports in studies.items()}
