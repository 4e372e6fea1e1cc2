"""The Dose aggregate: all dose reports of one study, and the alerts raised on them.

D1  A report (by its SOP Instance UID) is recorded once.
D2  A report contains an irradiation event or states a total. Some devices report accumulated dose alone, which names no
    exposure and stands for the study until one is known.
D3  An alert stands once per study, kind and irradiation event, and is acknowledged once. It is withdrawn where its
    cause is gone; should that return, another one is raised (ADR 68).
D4  A value above the bounds of plausible doses counts once a person has accepted it, and is accepted once. Where the
    same value is read of the same report again, it stays accepted.
D5  A content that a person accepts in place of a report takes the place of that report, and of the contents that were
    accepted for it before. It is refused where it would change nothing: another report stands for it.
D6  What a later program reads of a stored report takes the place of what was read of it before, and counts alone. It is
    refused where the report was read again since the two were compared, or a person accepted another content.
D7  Whoever acknowledges an alert says what was done, and whoever accepts a value why it is right.
D8  A professional acknowledges the alerts of the establishments that they work for, and is not suspended.
The id derives from the study's. A report whose irradiation events are all in another report of the study is superseded
by it; but where its content time is later and a value differs, it corrects the other and stands. Of two reports of the
same events the later one, by content time, supersedes the earlier. A report replaces the doses that were taken from
images of the same device. Where no content time says which is later and they state different values, both stand and
disagree: alerts go by the greater. None of this depends on the order of arrival.
An irradiation event counts once per person however many reports carry it: the queries add that up. ``qa`` is a guess
from words: it keeps a report out of practice comparisons, never a dose from a person.
Source: DICOM PS3.16 TID 10001, 10011; PS3.3 C.8.17 (irradiation event UID, DCM 113769).
"""

from collections.abc import Collection, Mapping
from typing import Any, Final
from uuid import UUID, uuid5

from eventsourcing.domain import Aggregate, event

from domain.dose_alerts import DEVICE_RULE, Alert, greatest, passed_levels
from domain.dose_moments import WHOLE, moments
from domain.dose_reports import Held
from domain.dose_standing import Reports
from domain.dose_words import NOT_STATED, organ_totals_of, parted, parted_totals
from domain.errors import AlertUnchanged, NoExposure, NoteMissing, ReportKnown, ValuesUnchanged
from domain.ids import Ids

AS_BEFORE: Final = "accepted before the report was read again"
"""The note of an acceptance that stays."""
NOT_SAID: Final[Mapping[str, Any]] = {
    "implausible": [],
    "bounds_version": 0,
    "source": "report",
    "sop_class": "",
    "warnings": [],
    "tolerances": {},
}


class Dose(Aggregate):
    """Keeps the owner, each report's irradiation event UIDs, what alerts are computed from, and the open alerts."""

    TOPIC = "dose"

    class Created(Aggregate.Created):
        TOPIC = "dose.created"

    class Opened(Created):
        TOPIC = "dose.opened"
        study_id: UUID
        identity_id: UUID
        study_uid: str

    class Reported(Aggregate.Event):
        TOPIC = "dose.reported"
        study_id: UUID
        identity_id: UUID
        study_uid: str
        site: str
        report_uid: str
        reported_at: str | None
        modality: str
        device: dict[str, Any]
        exposures: list[dict[str, Any]]
        totals: dict[str, Any]
        qa: bool
        words: dict[str, Any]
        implausible: list[str]
        bounds_version: int
        source: str
        sop_class: str
        warnings: list[str]
        tolerances: dict[str, int]

    class ValuesAccepted(Aggregate.Event):
        TOPIC = "dose.values_accepted"
        study_id: UUID
        identity_id: UUID
        report_uid: str
        note: str

    class Superseded(Aggregate.Event):
        TOPIC = "dose.superseded"
        study_id: UUID
        identity_id: UUID
        report_uid: str
        by_report_uid: str
        replaced: bool

    class Reassigned(Aggregate.Event):
        TOPIC = "dose.reassigned"
        study_id: UUID
        identity_id: UUID
        to_identity_id: UUID

    class AlertRaised(Aggregate.Event):
        TOPIC = "dose.alert_raised"
        study_id: UUID
        identity_id: UUID
        alert_id: UUID
        kind: str
        quantity: str
        value: float
        threshold: float
        report_uid: str
        irradiation_event_uid: str | None
        rule: str
        rule_version: int
        rule_kind: str
        window_days: int | None
        site: str
        studies: list[str]

    class AlertAcknowledged(Aggregate.Event):
        TOPIC = "dose.alert_acknowledged"
        study_id: UUID
        identity_id: UUID
        alert_id: UUID
        note: str

    class AlertWithdrawn(Aggregate.Event):
        TOPIC = "dose.alert_withdrawn"
        study_id: UUID
        identity_id: UUID
        alert_id: UUID
        site: str
        why: str

    @staticmethod
    def create_id(ids: Ids, study_id: UUID) -> UUID:
        """The dose's id: one per study."""
        return ids.of("dose", str(study_id))

    @event(Opened)
    def __init__(self, id: UUID, study_id: UUID, identity_id: UUID, study_uid: str) -> None:
        self.study_id = study_id
        self.identity_id = identity_id
        self.study_uid = study_uid
        self.reports = Reports(study_id, study_uid)
        self.passed: dict[
            str, set[tuple[str, str]]
        ] = {}  # by report, kinds and events of levels that its device passed
        self.alerts: dict[UUID, Alert] = {}

    def report(
        self,
        *,
        report_uid: str,
        exposures: list[dict[str, Any]],
        totals: dict[str, float | None],
        device: dict[str, Any],
        not_understood: list[str],
        corrects: Collection[str] = (),
        again: bool = False,
        said: Mapping[str, Any] = NOT_STATED,
        **stated: Any,
    ) -> None:
        """Record a report, and which report now supersedes which.

        ``corrects``: reports that it stands for, whatever their events and times say: a person decided so, or it states
        them as they are read ``again``. ``device``, ``exposures`` (one per irradiation event), ``not_understood``:
        whole; the event parts words from quantities (``domain.dose_words``). ``said``: the report's own words. A report
        with totals only supersedes none and is superseded by none: nothing says which events it sums.

        Raises ReportKnown (D1), NoExposure (D2), OtherReportStands (D5).
        """
        if report_uid in self.reports.held:
            raise ReportKnown(f"dose report {report_uid} is recorded already: nothing to do")
        if not exposures and greatest(*totals.values()) is None:
            raise NoExposure(f"dose report {report_uid} holds no irradiation event and no total: nothing to record")
        stated = {**NOT_SAID, **stated}
        at, doubtful = stated.get("reported_at"), stated["implausible"]
        new = Held.of(report_uid, at, exposures, totals, doubtful, stated["source"], device)
        pairs = self.reports.superseding(new, corrects, again=again)
        clear_device, clear, words = parted(device, exposures, not_understood, said)
        clear_totals, organs = parted_totals(totals)
        self._reported(
            study_id=self.study_id,
            identity_id=self.identity_id,
            study_uid=self.study_uid,
            report_uid=report_uid,
            device=clear_device,
            exposures=clear,
            words={**words, **organs},
            totals=clear_totals,
            **stated,
        )
        for old, by in pairs:
            replaced = old in corrects or self.reports.is_of_image(old, by)
            self._superseded(self.study_id, self.identity_id, old, by, replaced)

    @event(Reported)
    def _reported(
        self,
        study_id: UUID,
        identity_id: UUID,
        study_uid: str,
        site: str,
        report_uid: str,
        reported_at: str | None,
        modality: str,
        device: dict[str, Any],
        exposures: list[dict[str, Any]],
        totals: dict[str, Any],
        qa: bool,
        words: dict[str, Any],
        implausible: list[str],
        bounds_version: int,
        source: str,
        sop_class: str,
        warnings: list[str],
        tolerances: dict[str, int],
    ) -> None:
        whole = {**device, **(words["device"] or {})} if isinstance(words, dict) else device
        all_totals = totals | organ_totals_of({"totals": totals, "words": words})
        self.reports.held[report_uid] = Held.of(
            report_uid, reported_at, exposures, all_totals, implausible, source, whole
        )
        self.reports.moments |= moments(site, report_uid, reported_at, modality, exposures, words)
        self.passed[report_uid] = {(one.kind, one.event) for one in passed_levels(exposures)}

    @event(Superseded)
    def _superseded(
        self, study_id: UUID, identity_id: UUID, report_uid: str, by_report_uid: str, replaced: bool
    ) -> None:
        self.reports.superseded[report_uid] = by_report_uid
        if replaced:
            self.reports.replaced.add(report_uid)

    def reassign(self, *, to_identity_id: UUID) -> None:
        """Move the dose with its study to another identity."""
        self._reassigned(self.study_id, self.identity_id, to_identity_id)

    @event(Reassigned)
    def _reassigned(self, study_id: UUID, identity_id: UUID, to_identity_id: UUID) -> None:
        self.identity_id = to_identity_id

    def accept_values(self, *, report_uid: str, note: str) -> None:
        """A person takes the report's implausible values for right: they count from now on.

        Raises ValuesUnchanged (D4), NoteMissing (D7).
        """
        _refuse_silence(note, "why the values are right")
        held = self.reports.held.get(report_uid)
        if held is None or held.accepted or not held.doubtful():
            raise ValuesUnchanged(f"report {report_uid} has no implausible value to accept: see krypton dose reports")
        self._values_accepted(self.study_id, self.identity_id, report_uid, note)

    def accept_again(self, report_uid: str, before: Collection[str]) -> None:
        """Accept the values of a report that was read again, where those that are implausible were accepted as it was
        read ``before``, and are the same.
        """
        held = (self.reports.held[uid] for uid in before)
        accepted = {doubt for old in held if old.accepted for doubt in old.doubts().items()}
        doubts = self.reports.held[report_uid].doubts().items()
        if doubts and doubts <= accepted:
            self._values_accepted(self.study_id, self.identity_id, report_uid, AS_BEFORE)

    @event(ValuesAccepted)
    def _values_accepted(self, study_id: UUID, identity_id: UUID, report_uid: str, note: str) -> None:
        self.reports.held[report_uid].accepted = True

    def raise_alert(self, *, kind: str, irradiation_event_uid: str | None, **stated: Any) -> bool:
        """Raise an alert, and whether it was: one of its kind and irradiation event that stands is not raised again."""
        before = [a for a in self.alerts.values() if (a.kind, a.irradiation_event_uid) == (kind, irradiation_event_uid)]
        if any(alert.standing for alert in before):
            return False
        again = f"|{len(before)}" if before else ""
        self._alert_raised(
            study_id=self.study_id,
            identity_id=self.identity_id,
            alert_id=uuid5(self.id, f"{kind}|{irradiation_event_uid or ''}{again}"),
            kind=kind,
            irradiation_event_uid=irradiation_event_uid,
            **{"window_days": None, "studies": [], **stated},
        )
        return True

    @event(AlertRaised)
    def _alert_raised(
        self,
        study_id: UUID,
        identity_id: UUID,
        alert_id: UUID,
        kind: str,
        quantity: str,
        value: float,
        threshold: float,
        report_uid: str,
        irradiation_event_uid: str | None,
        rule: str,
        rule_version: int,
        rule_kind: str,
        window_days: int | None,
        site: str,
        studies: list[str],
    ) -> None:
        if not site and (moment := self.reports.moments.get((report_uid, WHOLE))):
            site = moment.site  # version 1 of the event states none: lists show it by its report
        self.alerts[alert_id] = Alert(kind, irradiation_event_uid, rule, rule_version, rule_kind, site)

    def unfounded(self) -> list[UUID]:
        """Alerts for what a device found that no report tells any more: another took the place of those that did."""
        told = {one for uid, passed in self.passed.items() if uid not in self.reports.replaced for one in passed}
        found = [(ident, alert) for ident, alert in self.alerts.items() if alert.standing and alert.rule == DEVICE_RULE]
        return [ident for ident, alert in found if (alert.kind, alert.irradiation_event_uid) not in told]

    def withdraw_alert(self, alert_id: UUID, why: str) -> None:
        """The cause of an alert that stands is gone, or told by another one. ``why``: a code of ``WITHDRAWN``."""
        self._alert_withdrawn(self.study_id, self.identity_id, alert_id, self.alerts[alert_id].site, why)

    @event(AlertWithdrawn)
    def _alert_withdrawn(self, study_id: UUID, identity_id: UUID, alert_id: UUID, site: str, why: str) -> None:
        self.alerts[alert_id].standing = False

    def sites_of_alert(self, alert_id: UUID) -> set[str]:
        """The establishment on whose list an alert is; where that is not known, those of the reports."""
        if (alert := self.alerts.get(alert_id)) is None:
            return set()
        return {alert.site} if alert.site else {moment.site for moment in self.reports.moments.values()}

    def acknowledge(self, *, alert_id: UUID, note: str) -> None:
        """A person has seen the alert and states what was done. Raises AlertUnchanged (D3), NoteMissing (D7)."""
        _refuse_silence(note, "what was done")
        alert = self.alerts.get(alert_id)
        if alert is None or alert.acknowledged or not alert.standing:
            raise AlertUnchanged(f"no open alert {alert_id} on study {self.study_id}: see krypton dose alerts")
        self._alert_acknowledged(self.study_id, self.identity_id, alert_id, note)

    @event(AlertAcknowledged)
    def _alert_acknowledged(self, study_id: UUID, identity_id: UUID, alert_id: UUID, note: str) -> None:
        self.alerts[alert_id].acknowledged = True


def _refuse_silence(note: str, what: str) -> None:
    if not note.strip():
        raise NoteMissing(f"the note is empty: say {what} with --note")
