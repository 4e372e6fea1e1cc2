"""As what, and from where, somebody may act who has signed in: what the provider tells, put into the ledger's terms.

A professional has exercises, each with activities (``SubjectRefPro.exercices[].activities[]``), as the Annuaire Santé
knows them; an activity names an establishment by its FINESS number. One that the ledger has enrolled can be chosen.
A patient is who carries the matricule. Staff have roles, by a claim or by the providers file.
Source: ANS, Pro Santé Connect, userinfo.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from domain.actors import Role, actor, role_of
from domain.errors import BadActor, NotFound
from krypton.faces.signin.ports import Identified
from krypton.faces.signin.providers import Stated

SUBJECT: Final = re.compile(r"8([0-9]{11})")
"""A national identifier that is an RPPS number (IdNat_PS: 8 and eleven digits)."""
FINESS: Final = re.compile(r"F?([0-9][0-9AB][0-9]{7})")
STAFF: Final = frozenset({Role.AUDITOR, Role.OPERATOR, Role.CLERK})
MOST: Final = 50


class NobodyHere(Exception):
    """Who signed in may do nothing here. ``args[0]``: why, for them."""


@dataclass(frozen=True)
class Situation:
    """One that can be chosen. ``actor``, ``site``: as the ledger names them; ``label``: for who chooses; ``codes``: of
    profession, speciality and sector, as the provider tells them.
    """

    actor: str
    site: str | None
    label: str
    codes: Mapping[str, str]

    def kept(self) -> dict[str, Any]:
        """As a session keeps it."""
        return asdict(self)


@dataclass(frozen=True)
class Ledger:
    """What of the ledger is asked. ``sites``: the code and name of each establishment, by FINESS number; ``carries``:
    the identity that a matricule names. Raises NotFound.
    """

    sites: Callable[[], Mapping[str, tuple[str, str]]]
    carries: Callable[[str], str]


def situations(stated: Stated, who: Identified, ledger: Ledger) -> list[Situation]:
    """What can be chosen: one at least. Raises NobodyHere."""
    found = {"professionals": _professional, "patients": _patient, "staff": _staff}[stated.kind](stated, who, ledger)
    return [*{(one.actor, one.site): one for one in found}.values()][:MOST]


def situation_of(kept: Mapping[str, Any]) -> str | None:
    """The codes of what was chosen in a session, name=value, in order; None: the provider told none."""
    which = kept.get("chosen")
    codes = kept["choices"][which]["codes"] if which is not None else {}
    return " ".join(f"{name}={code}" for name, code in sorted(codes.items())) or None


def _professional(_: Stated, who: Identified, ledger: Ledger) -> list[Situation]:
    number = SUBJECT.fullmatch(str(who.told.get("SubjectNameID")))
    if number is None:
        raise NobodyHere("you signed in with an identity that has no RPPS number")
    sites, found = ledger.sites(), []
    for exercise, activity in _activities(who.shown):
        if (site := sites.get(_finess(activity) or "")) is None:
            continue
        codes = {
            "profession": _text(exercise, "codeProfession"),
            "speciality": _text(exercise, "codeSavoirFaire"),
            "sector": _text(activity, "codeSecteurDactivite"),
        }
        code, name = site
        found.append(Situation(f"rpps:{number[1]}", code, name, {key: value for key, value in codes.items() if value}))
    if not found:
        raise NobodyHere(
            "none of the places of work that the Annuaire Santé tells of you is an establishment that takes part here"
        )
    return found


def _activities(shown: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Each exercise with each of its activities; what has another shape is passed over."""
    about = shown.get("SubjectRefPro")
    for exercise in _list(about, "exercices"):
        for activity in _list(exercise, "activities"):
            if isinstance(activity, Mapping):
                yield exercise, activity


def _list(held: Any, name: str) -> list[Any]:
    found = held.get(name) if isinstance(held, Mapping) else None
    return found[:MOST] if isinstance(found, list) else []


def _finess(activity: Mapping[str, Any]) -> str | None:
    """The establishment's number: stated, or in the technical id of the structure (``F`` and the number)."""
    for name in ("numeroFinessSite", "identifiantTechniqueDeLaStructure"):
        if found := FINESS.fullmatch(_text(activity, name)):
            return found[1]
    return None


def _text(held: Mapping[str, Any], name: str) -> str:
    found = held.get(name)
    return found.strip() if isinstance(found, str) and len(found) <= 100 else ""


def _patient(stated: Stated, who: Identified, ledger: Ledger) -> list[Situation]:
    number = who.told.get(stated.claim) or who.shown.get(stated.claim) or who.claims.get(stated.claim)
    if not isinstance(number, str) or not number:
        raise NobodyHere("the provider does not tell your national health identity (INS)")
    try:
        return [Situation(f"patient:{ledger.carries(number)}", None, "yourself", {})]
    except NotFound:
        raise NobodyHere("no record here carries your national health identity (INS)") from None


def _staff(stated: Stated, who: Identified, _: Ledger) -> list[Situation]:
    claimed = who.claims.get(stated.claim) if stated.claim else None
    named = [claimed] if isinstance(claimed, str) else claimed if isinstance(claimed, list) else []
    given = [*named, *stated.people.get(str(who.claims["sub"]), ())]
    found = [Situation(one, None, one, {}) for one in given if isinstance(one, str) and _is_staff(one)]
    if not found:
        raise NobodyHere("you have no role here: whoever runs this service gives roles")
    return found


def _is_staff(stated: str) -> bool:
    try:
        return role_of(actor(stated)) in STAFF
    except BadActor:
        return False
