"""Reads images whose headers state doses again, and says what is read otherwise now.

What the batches of a study stated is compared with one reading of all its images, by device. Of a study of which not
all images are kept here nothing is read: what is missing would look like a dose that is none any more.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid5

from adapters.archive.archive import NotHeld
from adapters.dicom.intake import doses_of_images
from adapters.inbox.refusal import Refused
from domain.aggregates.dose import Dose
from domain.commands.dose_images import RereadImages
from domain.commands.doses import ReceivedDose
from domain.dose_reports import Held
from domain.errors import RuleBroken
from domain.work import Envelope
from krypton.bootstrap import Krypton

Document = dict[str, Any]
Row = Mapping[str, Any]
Before = dict[str, Document]
"""What statements of images say, by what each goes by."""
Judged = Callable[[str, ReceivedDose], ReceivedDose]
"""A reading at a site, with whether it is of a test of a device by the words in force."""
UNREADABLE: Final = "no dose is read of its images any more"
IN_PART: Final = "not all images of the study are kept here"


def why(failed: Refused | OSError) -> str:
    """Why a file is not read: no path, for the table names the report."""
    return f"its file cannot be read ({failed.strerror})" if isinstance(failed, OSError) else str(failed)


def files_of(ours: Krypton, study: str, instances: int) -> list[Path]:
    """Where the images of a study are. Raises NotHeld, also where there are less than were taken in."""
    archive = ours.archive
    told = archive.study(study)
    if sum(series["instances"] for series in told["series"]) + len(told.get("left_out", ())) < instances:
        raise NotHeld(IN_PART)
    return [archive.path(row) for series in told["series"] for row in archive.each(study, series["uid"])]


def paired(
    before: Before, now: Sequence[ReceivedDose], told: Callable[[ReceivedDose], Document]
) -> Iterator[tuple[ReceivedDose, Before]]:
    """Each reading with the statements that it takes the place of: of its device and kind, each of them once; of the
    first, those of devices that are read otherwise now.
    """
    left, taken = dict(before), list[Before]()
    for reading in map(told, now):
        mine = {uid: one for uid, one in left.items() if _is_alike(one, reading)}
        left = {uid: one for uid, one in left.items() if uid not in mine}
        taken.append(mine)
    strange = next((place for place, mine in enumerate(taken) if not mine), 0)
    for place, one in enumerate(now):
        yield one, taken[place] | (left if place == strange else {})


def _is_alike(one: Document, other: Document) -> bool:
    """Of one device, and with exposures of one kind: what was read before may hold several kinds."""
    kinds = [{shot["kind"] for shot in told["exposures"].values()} for told in (one, other)]
    return bool(one["device"] == other["device"] and kinds[0] & kinds[1])


def together(before: Before, now: Document) -> Document | None:
    """What several statements say, as one; where any of them says what is read now, it says that."""
    olds = [*before.values()]
    if not olds:
        return None
    shots: dict[str, list[Document]] = {}
    for old in olds:
        for uid, shot in old["exposures"].items():
            shots.setdefault(uid, []).append(shot)
    return {
        **{name: _said(olds, name, now) for name in now if name != "exposures"},
        "exposures": {uid: _shot(some, now["exposures"].get(uid)) for uid, some in shots.items()},
    }


def _said(olds: Sequence[Document], name: str, now: Document) -> Any:
    return now.get(name) if any(old.get(name) == now.get(name) for old in olds) else olds[0].get(name)


def _shot(olds: Sequence[Document], now: Document | None) -> Document:
    if now is None:
        return olds[0]
    return {name: _said(olds, name, now) for name in dict.fromkeys((*now, *(name for old in olds for name in old)))}


class Images:
    """One study's images, read again. ``judged``, ``told``, ``differing``: of ``dose_reread``."""

    def __init__(
        self,
        ours: Krypton,
        judged: Judged,
        told: Callable[[ReceivedDose], Document],
        differing: Callable[[Document | None, Document], list[str]],
        done: Document,
    ) -> None:
        self._ours, self._judged, self._done = ours, judged, done
        self._told, self._differing = told, differing

    def study(
        self,
        row: Row,
        before: Mapping[str, Document | None],
        instances: int,
        by: Callable[[UUID], Envelope] | None,
    ) -> None:
        """``row``: of a statement of the study; ``before``: what each says, None: an erased person's; ``by``: who
        writes what is read otherwise; None: look alone.
        """
        told = {"site": row["site"], "report_uid": row["report_uid"], "study": row["study"]}
        known = {uid: one for uid, one in before.items() if one is not None}
        if len(known) < len(before):
            self._done["no_file"] += 1
            return
        try:
            now = doses_of_images(files_of(self._ours, row["study"], instances), row["study_uid"])
        except NotHeld as none:
            if str(none) != IN_PART:
                self._done["no_file"] += 1
            else:
                self._done["refused"].append(told | {"reason": IN_PART})
            return
        except (Refused, OSError) as refused:
            self._done["refused"].append(told | {"reason": why(refused)})
            return
        if not now:
            self._done["read"] += 1
            self._done["refused"].append(told | {"reason": UNREADABLE})
        now = [self._judged(row["site"], one) for one in now]
        for received, olds in paired(known, now, self._told):
            self._done["read"] += 1
            self._one(told | {"report_uid": next(iter(olds), received.report_uid)}, received, olds, by)

    def _one(self, told: Document, received: ReceivedDose, olds: Before, by: Callable[[UUID], Envelope] | None) -> None:
        now = self._told(received)
        changes = self._differing(together(olds, now), now)
        if not changes or self._is_reported(told, received, olds):
            self._done["same"] += 1
            return
        study = UUID(told["study"])
        asked = RereadImages(study=study, site=told["site"], received=received, before=tuple(sorted(olds)))
        try:
            named = uuid5(study, f"{received.report_uid}|{'|'.join(sorted(olds))}")
            positions = self._ours.execute(asked, by(named)).positions if by else ()
        except RuleBroken as refused:
            self._done["refused"].append(told | {"reason": f"{refused} ({refused.rule})"})
            return
        self._done["positions"] += positions
        self._done["changed"].append(told | {"changes": changes, "written": by is not None})

    def _is_reported(self, told: Row, received: ReceivedDose, olds: Before) -> bool:
        """Whether a dose report took the place of all that these images stated, and would again."""
        if olds:
            return False
        ids = self._ours.ledger.ids
        dose = self._ours.ledger.find(Dose, Dose.create_id(ids, UUID(told["study"])))
        new = Held.of(
            received.report_uid, None, received.exposures, received.totals, (), received.source, received.device
        )
        return dose is not None and any(held.replaces(new) for held in dose.reports.held.values())
