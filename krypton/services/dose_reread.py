"""Reads stored dose reports again, after an upgrade or with a new tolerance, and says what is read otherwise now.

So are images whose headers state doses (``dose_reread_images``).

The instances' folder keeps the files. What is read now is compared with the event on record; what differs is written
only where that is asked for, each by a command of its own, which refuses what somebody read again meanwhile. A run that
ends early is run again: what is written already is found to be the same.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, Final
from uuid import UUID, uuid4, uuid5

from adapters.dicom.intake import dose_in
from adapters.inbox.refusal import Refused
from adapters.inbox.spool import Spool
from domain.commands.directory import is_enrolled
from domain.commands.doses import ReceivedDose, RereadDose, is_test, reading_uid
from domain.dose_reports import IMAGE, READ_AGAIN
from domain.dose_words import NOT_STATED, OF_DEVICE, OF_EXPOSURE, organ_totals_of, parted, without_organs, words_of
from domain.errors import NotFound, RuleBroken
from domain.work import Envelope
from krypton.bootstrap import Krypton
from krypton.services.dose_reread_images import Images, Judged, why
from krypton.services.spools import spool_at_home

FIRST: Final = str(UUID(int=0))
PAGE: Final = 200
Document = dict[str, Any]
OF_EVENT: Final = ("modality", "reported_at", "totals", "source", "sop_class", "qa", "warnings", "tolerances")
UNREADABLE: Final = "no dose is read of it any more"


@dataclass(frozen=True)
class Wish:
    """Which reports: of a site, a study (its id), a report (its SOP Instance UID); None: of all. ``write``: or look."""

    site: str | None = None
    study: UUID | None = None
    report: str | None = None
    write: bool = False


@dataclass(frozen=True)
class _Stored:
    """A report on record. ``uid``: its own; ``standing``: what its last reading goes by, None: no dose was read."""

    study: str
    uid: str
    site: str
    standing: str | None
    position: int


def reread(
    ours: Krypton,
    wish: Wish,
    actor: str,
    command_id: UUID | None = None,
    step: Callable[[], None] = lambda: None,
) -> Document:
    """The ``dose reread`` document: how many were ``read``, and of them the ``same``; ``changed``: what is read
    otherwise now, by field, ``written`` or not; ``refused``: why one cannot be read, or was not written; ``no_file``:
    reports whose file is not kept on this machine, or of an erased person.

    Raises ServiceUnavailable: the folder cannot be used; NotFound: no such site, study or report is on record.
    """
    _known(ours, wish)
    done: Document = {"read": 0, "same": 0, "no_file": 0, "changed": [], "refused": [], "positions": []}
    base, judged = command_id or uuid4(), _judged(ours)
    with spool_at_home(ours.settings) as spool:
        for stored in _stored(ours, wish):
            step()
            _one(ours, spool, stored, judged, Envelope(actor, _of(base, stored)) if wish.write else None, done)
        again = Images(ours, judged, whole, differing, done)
        by = partial(_by, actor, base) if wish.write else None
        for rows, instances in _of_images(ours, wish):
            step()
            before = {row["report_uid"]: on_record(ours, row["position"]) for row in rows}
            again.study(rows[0], before, instances, by)
    if (wish.study or wish.report) and not (done["read"] or done["no_file"] or done["refused"]):
        raise NotFound("no dose of that study or report is on record: krypton dose reports --all lists them")
    return done


def _known(ours: Krypton, wish: Wish) -> None:
    if wish.site is not None and not is_enrolled(ours.ledger.work([]), wish.site):
        raise NotFound(f"no establishment {wish.site}: krypton site list shows their codes")


def _by(actor: str, base: UUID, named: UUID) -> Envelope:
    return Envelope(actor, uuid5(base, str(named)))


def _of(base: UUID, stored: _Stored) -> UUID:
    return uuid5(base, f"{stored.study}|{stored.uid}|{stored.standing}")


def _judged(ours: Krypton) -> Judged:
    words = ours.ledger.rules().phantoms(ours.ledger.clock().date())
    return lambda site, one: replace(one, qa=is_test(words, site, one))


def _one(ours: Krypton, spool: Spool, stored: _Stored, judged: Judged, by: Envelope | None, done: Document) -> None:
    told = {"site": stored.site, "report_uid": stored.uid, "study": stored.study}
    before = on_record(ours, stored.position) if stored.standing else None
    path = spool.claim(stored.site, stored.uid)
    if (stored.standing and before is None) or not path.is_file():
        done["no_file"] += 1
        return
    done["read"] += 1
    try:
        now = dose_in(path, stored.site)
    except (Refused, OSError) as refused:
        done["refused"].append(told | {"reason": why(refused)})
        return
    if now is None and before is not None:
        done["refused"].append(told | {"reason": UNREADABLE})
        return
    if now is None or not (changes := differing(before, whole(now := judged(stored.site, now)))):
        done["same"] += 1
        return
    asked = RereadDose(study=UUID(stored.study), site=stored.site, received=now, compared=stored.standing)
    try:
        positions = ours.execute(asked, by).positions if by else ()
    except RuleBroken as refused:
        done["refused"].append(told | {"reason": f"{refused} ({refused.rule})"})
        return
    done["positions"] += positions
    done["changed"].append(told | {"changes": changes, "written": by is not None})


def _stored(ours: Krypton, wish: Wish) -> Iterator[_Stored]:
    """Reports with a dose, study by study; then those of which none could be read."""
    from projections.patient_record import unsettled

    for rows in _pages(ours, wish):
        yield from (one for one in _readings(rows) if _is_meant(one, wish))
    with ours.snapshot() as connection:
        unread = unsettled.unread_doses(connection)
    for row in unread:
        one = _Stored(row["study"], row["report_uid"], row["site"] or "", None, row["position"])
        if _is_meant(one, wish):
            yield one


def _pages(ours: Krypton, wish: Wish) -> Iterator[list[Document]]:
    """All that is on record of the studies that are meant, some studies at a time."""
    from projections.cumulative_dose import reread as doses

    study, after = str(wish.study) if wish.study else None, FIRST
    while True:
        with ours.snapshot() as connection:
            page = doses.studies(connection, after, PAGE, site=wish.site, study=study, report=wish.report)
            rows = doses.recorded(connection, page)
        if not page:
            return
        after = page[-1]
        yield rows


def _of_images(ours: Krypton, wish: Wish) -> Iterator[tuple[list[Document], int]]:
    """Of each study the statements of images that count, and how many instances were taken in."""
    from projections.patient_record.unsettled import instances

    for rows in _pages(ours, wish):
        found: dict[str, list[Document]] = {}
        for row in rows:
            if row["source"] == IMAGE and not row["replaced"]:
                found.setdefault(row["study"], []).append(row)
        with ours.snapshot() as connection:
            counts = instances(connection, found)
        yield from ((some, counts.get(study, 0)) for study, some in found.items())


def _is_meant(one: _Stored, wish: Wish) -> bool:
    asked = ((wish.site, one.site), (wish.study and str(wish.study), one.study), (wish.report, one.uid))
    return all(wanted is None or wanted == is_of for wanted, is_of in asked)


def _readings(rows: list[Document]) -> Iterator[_Stored]:
    """Each report once, with its last reading; not what a later reading of another goes by."""
    known = {(row["study"], row["report_uid"]): row for row in rows if row["source"] == "report"}
    later: set[tuple[str, str]] = set()
    for (study, uid), row in known.items():
        if (study, uid) in later:
            continue
        times = 0
        while (key := (study, reading_uid(UUID(study), uid, times + 1))) in known:
            later.add(key)
            times += 1
        last = known[study, reading_uid(UUID(study), uid, times)]
        yield _Stored(study, uid, row["site"], last["report_uid"], last["position"])


def on_record(ours: Krypton, position: int) -> Document | None:
    """What the event at a position states; None: its words are an erased person's."""
    (event,) = ours.ledger.recorder.select_notifications(position, 1)
    data = ours.codec.decode(event.state, event.originator_version)[1]
    if not isinstance(data["words"], dict):
        return None
    words = words_of(data)
    notes = [without_organs(note) for note in words["not_understood"] if not note.startswith(READ_AGAIN)]
    exposures = ({**clear, **said} for clear, said in zip(data["exposures"], words["exposures"], strict=True))
    stated = data | {"totals": data["totals"] | organ_totals_of(data)}
    return _compared(stated, data["device"] | words["device"], exposures, words | {"not_understood": notes})


def whole(received: ReceivedDose) -> Document:
    """What a reading states, as the event on record would."""
    told = asdict(received)
    device, clear, words = parted(told["device"], told["exposures"], told["not_understood"], told["said"])
    exposures = ({**one, **said} for one, said in zip(clear, words["exposures"], strict=True))
    return _compared(told, device | words["device"], exposures, words)


def _compared(
    told: Mapping[str, Any], device: Mapping[str, Any], exposures: Iterator[Document], words: Mapping[str, Any]
) -> Document:
    return {
        **{name: _plain(told[name]) for name in OF_EVENT},
        **{name: _plain(words[name]) for name in (*NOT_STATED, "not_understood")},
        "device": {name: device.get(name) for name in ("manufacturer", "model", *OF_DEVICE)},
        "exposures": {one["irradiation_event_uid"]: _exposure(one) for one in exposures},
    }


def _exposure(one: Document) -> Document:
    """Without what rules judge when it is recorded; what is not said of one is null."""
    told = {name: _plain(value) for name, value in one.items() if name != "implausible"}
    return dict.fromkeys(OF_EXPOSURE) | told


def _plain(value: Any) -> Any:
    """As JSON gives it back: lists for tuples; an empty value is none."""
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()} or None
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value] or None
    return None if value == "" else value


def differing(before: Document | None, now: Document) -> list[str]:
    """What is read otherwise now, by name: never a value or a word, for operators see nobody's dose."""
    if before is None:
        return [f"{len(now['exposures'])} exposures are read, and none was before"]
    old, new = before["exposures"], now["exposures"]
    counts = ((len(new.keys() - old.keys()), "new exposures"), (len(old.keys() - new.keys()), "exposures no more"))
    names: dict[str, int] = {}
    for uid in new.keys() & old.keys():
        for name in new[uid].keys() | old[uid].keys():
            if new[uid].get(name) != old[uid].get(name):
                names[name] = names.get(name, 0) + 1
    return [
        *(name for name in now if name != "exposures" and now[name] != before[name]),
        *(f"{count} {what}" for count, what in counts if count),
        *(f"{name} of {names[name]} exposures" for name in sorted(names)),
    ]
