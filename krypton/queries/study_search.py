"""Finds studies by keys of DICOM, of all people of whom the caller may be shown any, or of one patient who is named.

Who is named by a number and its issuer is asked about as their record is: one decision, and a refusal where there is
no access (``permit``). A search that names nobody is a list: whoever the caller is not shown is not on it, and it is on
record with those who are (``ListStudies``). For DICOMweb and for DICOM query alike.

The database searches among those people alone. Who of them is shown, and what is left out of that, the ledger decides;
so a page is cut from what is left, and none is shorter than it could be. Erased identities have no studies to be found.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from domain.actors import Caller, Role
from domain.commands.accesses import why
from domain.commands.study_listings import ListStudies
from domain.errors import NotFound
from domain.query_keys import BadKey, Condition, Kind, OneOf, condition, fits
from domain.sight import Sight
from krypton.bootstrap import Krypton
from krypton.queries.conditions import PATIENT, of_patient, of_study
from krypton.queries.gate import decided, permit
from krypton.queries.leads import NO_LEAD, to_people, to_studies
from krypton.queries.sights import Sights
from krypton.queries.study_rows import Scope, found, people, shown

MOST: Final = 1_000
"""Studies, or people, that one search reaches: whoever wants more says more of what is sought."""
PAGE: Final = 100
"""Studies of an answer, where nobody asks for another number."""

NUMBER: Final = ("PatientID", "IssuerOfPatientID")
"""Keys that name one patient, together."""

Document = dict[str, Any]


@dataclass(frozen=True)
class Found:
    """Studies, newest first. ``more``: there are others after these."""

    studies: list[Document]
    more: bool


def studies_found(
    ours: Krypton,
    caller: Caller,
    keys: Mapping[str, str],
    *,
    task: str = "study.search",
    limit: int = PAGE,
    offset: int = 0,
) -> Found:
    """The studies that meet all keys, after the first ``offset``: of each what a list shows.

    ``keys``: by keyword of ``conditions.PATIENT`` and ``conditions.STUDY``. Raises BadKey, before anything is decided;
    ReasonMissing (X3); ViewRefused (X1, X2, X4, W2; of a patient who is named also X5, X12 to X14, X20).
    """
    ref = _named(ours, caller, keys)
    asked = _Asked.of({name: key for name, key in keys.items() if ref is None or name not in NUMBER})
    limits = [f"key={name}" for name in sorted(keys)]
    page = slice(offset, offset + limit)
    if ref is None and caller.role is not Role.PATIENT:
        return _of_several(ours, caller, task, asked, limits, page)
    try:
        allowed = permit(ours, caller, task, ref or caller.actor.partition(":")[2], asked=limits)
    except NotFound:
        decided(ours, caller, ListStudies(caller=caller, task=task, asked=tuple(limits)))
        return Found([], False)
    rows = _candidates(ours, Scope(sorted(allowed.members)), asked)
    sights = Sights(ours, caller, task)
    sights.decided(allowed.members, allowed.sight)
    return _cut(ours, sights, rows, asked, page)


def _named(ours: Krypton, caller: Caller, keys: Mapping[str, str]) -> str | None:
    """The one patient whom keys name, as a REF; None: they name nobody. A program's numbers are its establishment's,
    where it does not say whose they are.
    """
    said = [condition(name, Kind.NUMBER_OF, keys.get(name, "")) for name in NUMBER]
    own = OneOf((caller.site,)) if caller.role is Role.SERVICE and caller.site else None
    number, issuer = said[0], said[1] or own
    if not isinstance(number, OneOf) or not isinstance(issuer, OneOf) or "|" in issuer.values[0]:
        return None
    (who,), names = issuer.values, ours.ledger.authorities.names
    return f"{'INS' if who in names or who in names.values() else who}|{number.values[0]}"


@dataclass(frozen=True)
class _Asked:
    """What is sought, as conditions. ``keys`` as they were given."""

    keys: Mapping[str, str]
    patient: tuple[str, dict[str, Any]] | None
    study: tuple[str, dict[str, Any]]
    modalities: Condition | None

    @staticmethod
    def of(keys: Mapping[str, str]) -> "_Asked":
        """Raises BadKey."""
        of_people = {name: key for name, key in keys.items() if name in PATIENT and key.strip().strip("*")}
        study = of_study({name: key for name, key in keys.items() if name not in PATIENT})
        modalities = condition("ModalitiesInStudy", Kind.CODE, keys.get("ModalitiesInStudy", ""))
        return _Asked(keys, of_patient(of_people) if of_people else None, study, modalities)


def _candidates(ours: Krypton, scope: Scope, asked: _Asked) -> list[Document]:
    """Studies in the scope that meet the keys, newest first. Raises BadKey."""
    text, values = asked.study
    to_whom = ("true", dict[str, Any]())
    if scope.identities is None:
        to_whom, which = to_people(asked.keys) or to_whom, to_studies(asked.keys)
        if which is None and to_people(asked.keys) is None:
            raise BadKey(NO_LEAD)
        text, values = (f"{text} AND {which[0]}", values | which[1]) if which else (text, values)
    with ours.snapshot() as connection:
        if asked.patient is not None:
            met, of_whom = asked.patient
            found_people = people(connection, scope, f"{met} AND {to_whom[0]}", of_whom | to_whom[1], MOST + 1)
            if len(found_people) > MOST:
                raise BadKey(f"more than {MOST} people fit: say more of the patient, such as the birth date")
            scope = Scope(ours.ledger.membership().members_of(found_people))
        return found(connection, scope, text, values, MOST)


def _of_several(ours: Krypton, caller: Caller, task: str, asked: _Asked, limits: Sequence[str], page: slice) -> Found:
    """A list of whoever the caller is shown, on record with those whose studies are on the page."""
    why(caller.reason or "")
    sights = Sights(ours, caller, task, tuple(limits))
    scope = sights.scope()
    if scope is None:
        decided(ours, caller, sights.command([]))
        return Found([], False)
    rows = _candidates(ours, scope, asked)
    cut = _cut(ours, sights, rows, asked, page)
    sights.record({study["identity"] for study in cut.studies})
    return Found([study for study in cut.studies if _visible(study, sights)], cut.more)


def _cut(ours: Krypton, sights: Sights, rows: Sequence[Document], asked: _Asked, page: slice) -> Found:
    """The page of what is visible; no more is decided than that takes."""
    visible = list(islice(_seen(ours, sights, rows, asked), page.stop + 1))
    chosen = {row["study"]: row for row in visible[page]}
    more = len(visible) > page.stop or len(rows) >= MOST
    if not chosen:
        return Found([], more)
    with ours.snapshot() as connection:
        studies = shown(connection, list(chosen))
    gone = ours.vault.destroyed({one for study in studies for one in (study["identity"], study["subject"]) if one})
    return Found([_told(study, chosen[study["study"]], gone) for study in studies], more)


def _seen(ours: Krypton, sights: Sights, rows: Sequence[Document], asked: _Asked) -> Iterable[Document]:
    """The rows that the caller is shown, each with what it shows of a study that grew against an opposition."""
    gone = ours.vault.destroyed({row["identity"] for row in rows})
    for start in range(0, len(rows), PAGE):
        some = rows[start : start + PAGE]
        sights.foresee({row["identity"] for row in some} - gone)
        for row in some:
            if row["identity"] in gone or not _visible(row, sights):
                continue
            counts = sights.counted(row)
            if not counts or fits(asked.modalities, counts["modalities"]):
                yield row | counts


def _visible(row: Mapping[str, Any], sights: Sights) -> bool:
    """Whether the caller sees the study at all."""
    sight: Sight | None = sights.of.get(row["identity"])
    if sight is None or sight.exclusions.study(row["study_uid"], row["started_at"]):
        return False
    return not sight.withholds(row["first_position"], [row["site"]])


def _told(study: Document, row: Mapping[str, Any], gone: set[str]) -> Document:
    """What a list shows: nothing that is sealed under a destroyed key."""
    unreadable = dict.fromkeys(("accession", "description")) if study["subject"] in gone else {}
    counts = {name: row[name] for name in ("modalities", "series", "instances") if name in row}
    place = {name: row[name] for name in ("started_at", "first_position")}
    return study | counts | place | unreadable
