"""Finds studies by keys of DICOM, of all people of whom the caller may be shown any, or of one patient who is named.

Who is named by a number and its issuer is asked about as their record is: one decision, and a refusal where there is
no access (``permit``). A search that names nobody is a list: whoever the caller is not shown is not on it, and it is on
record with those who are (``ListStudies``). For DICOMweb and for DICOM query alike.

The database searches among those people alone. Who of them is shown, and what is left out of that, the ledger decides;
so a page is cut from what is left, and none is shorter than it could be. Erased identities have no studies to be found.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from domain.actors import Caller, Role
from domain.commands.accesses import why
from domain.commands.study_listings import ListStudies
from domain.errors import NotFound
from domain.query_keys import BadKey, Condition, Kind, OneOf, condition, fits
from krypton.bootstrap import Krypton
from krypton.queries.conditions import PATIENT, of_patient, of_study
from krypton.queries.gate import decided, permit
from krypton.queries.leads import NO_LEAD, Led, to_people, to_studies
from krypton.queries.sights import Sights
from krypton.queries.study_rows import Scope, found, people

MOST: Final = 1_000
"""Studies, or people, that one search reaches: whoever wants more says more of what is sought."""
PAGE: Final = 100
"""Studies of an answer, where nobody asks for another number."""
TOGETHER: Final = 128
"""Rows about whose people is decided together: a page, and the one after it that says whether there are more."""
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
    person: str | None = None,
    limit: int = PAGE,
    offset: int = 0,
) -> Found:
    """The studies that meet all keys, after the first ``offset``: of each what a list shows.

    ``keys``: by keyword of ``conditions.PATIENT`` and ``conditions.STUDY``; ``person``: an identity of the one person
    whose studies are sought. Raises BadKey, before anything is decided; ReasonMissing (X3); ViewRefused (X1, X2, X4,
    W2; of a patient who is named also X5, X12 to X14, X20).
    """
    number = None if person else _named(ours, caller, keys)
    asked = _Asked.of({name: key for name, key in keys.items() if number is None or name not in NUMBER})
    limits = tuple(f"key={name}" for name in sorted(keys))
    sights, page = Sights(ours, caller, task, limits), slice(offset, offset + limit)
    ref = person or number or (caller.actor.partition(":")[2] if caller.role is Role.PATIENT else None)
    if ref is None:
        return _of_several(ours, caller, sights, asked, page)
    try:
        allowed = permit(ours, caller, task, ref, asked=limits)
    except NotFound:
        decided(ours, caller, ListStudies(caller=caller, task=task, asked=limits))
        return Found([], False)
    sights.decided(allowed.members, allowed.sight)
    return _page(ours, Scope(sorted(allowed.members)), sights, asked, page)


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
    """What is sought, as conditions. ``keys`` as they were given; ``patient``: None where none is of a patient."""

    keys: Mapping[str, str]
    patient: Led | None
    study: Led
    modalities: Condition | None

    @staticmethod
    def of(keys: Mapping[str, str]) -> "_Asked":
        """Raises BadKey."""
        of_people = {name: key for name, key in keys.items() if name in PATIENT and key.strip().strip("*")}
        study = of_study({name: key for name, key in keys.items() if name not in PATIENT})
        modalities = condition("ModalitiesInStudy", Kind.CODE, keys.get("ModalitiesInStudy", ""))
        return _Asked(keys, of_patient(of_people) if of_people else None, study, modalities)


def _of_several(ours: Krypton, caller: Caller, sights: Sights, asked: _Asked, page: slice) -> Found:
    """A list of whoever the caller is shown, on record with those whose studies are on the page."""
    why(caller.reason or "")
    scope = sights.scope()
    cut = Found([], False) if scope is None else _page(ours, scope, sights, asked, page)
    sights.record({study["identity"] for study in cut.studies})
    return Found([study for study in cut.studies if sights.shows(study)], cut.more)


def _page(ours: Krypton, scope: Scope, sights: Sights, asked: _Asked, page: slice) -> Found:
    """The page of what is shown. Where little is left out, little is looked at; and no more is decided than it takes.

    Raises BadKey, ViewRefused.
    """
    for most in (min(page.stop + 1, MOST), MOST):
        rows = _candidates(ours, scope, asked, most)
        shown = list(islice(_shown(ours, sights, rows, asked), page.stop + 1))
        if len(shown) > page.stop or len(rows) < most:
            break
    return Found(shown[page], len(shown) > page.stop or len(rows) >= MOST)


def _candidates(ours: Krypton, scope: Scope, asked: _Asked, most: int) -> list[Document]:
    """Studies in the scope that meet the keys, newest first. Raises BadKey."""
    of_everybody = scope.identities is None
    to_whom, which = (to_people(asked.keys), to_studies(asked.keys)) if of_everybody else (None, None)
    if of_everybody and to_whom is None and which is None:
        raise BadKey(NO_LEAD)
    text, values = _both(asked.study, which)
    with ours.snapshot() as connection:
        if asked.patient is None:
            return found(connection, scope, text, values, most)
        if of_everybody and to_whom is None:  # the studies are few: of these, those of whom meets the keys
            rows = found(connection, scope, text, values, MOST + 1)
            if len(rows) > MOST:
                raise BadKey(f"more than {MOST} studies fit: say more of the study, or of the patient")
            within = Scope(ours.ledger.membership().members_of({row["identity"] for row in rows}))
            met = {*_meeting(ours, connection, within, asked.patient)}
            return [row for row in rows if row["identity"] in met]
        met_by = _meeting(ours, connection, scope, _both(asked.patient, to_whom))
        return found(connection, Scope(met_by), text, values, most)


def _both(one: Led, other: Led | None) -> Led:
    return one if other is None else (f"{one[0]} AND {other[0]}", one[1] | other[1])


def _meeting(ours: Krypton, connection: Any, scope: Scope, asked: Led) -> list[str]:
    """All identities of those people of whom one in the scope meets the condition. Raises BadKey."""
    met = people(connection, scope, *asked, MOST + 1)
    if len(met) > MOST:
        raise BadKey(f"more than {MOST} people fit: say more of the patient, such as the birth date")
    return ours.ledger.membership().members_of(met)


def _shown(ours: Krypton, sights: Sights, rows: Sequence[Document], asked: _Asked) -> Iterator[Document]:
    """The rows that the caller is shown, each with what it shows of a study that grew against an opposition; without
    what is sealed under a destroyed key.
    """
    subjects = {one for row in rows for one in (row["identity"], row["subject"]) if one}
    gone = ours.vault.destroyed(subjects) if subjects else set()
    for start in range(0, len(rows), TOGETHER):
        some = [row for row in rows[start : start + TOGETHER] if row["identity"] not in gone]
        sights.foresee({row["identity"] for row in some})
        for row in filter(sights.shows, some):
            counts = sights.counted(row)
            if not counts or fits(asked.modalities, counts["modalities"]):
                unreadable = dict.fromkeys(("accession", "description")) if row["subject"] in gone else {}
                yield row | counts | unreadable
