"""krypton identity search: finds local identities by what is known of a person.

What is sought names a person: with ``--from`` or ``-`` it is no argument, and no list of processes shows it.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer

from domain.errors import BadTraits
from domain.ins import FORM, key_of
from domain.matching.spellings import folded
from domain.traits import CHECKS, first_day
from krypton.cli.calling import ASKED, OWN, As, Why
from krypton.cli.connection import asker, assigner_of, krypton
from krypton.cli.given import From, all_told, line
from krypton.cli.options import AsJson, BirthDate, BirthPlace, Limit, Sex, SexOf
from krypton.cli.output import document, err, table
from krypton.queries.worklists import PAGE, people_found

FOUND: Final = (
    *("family", "given", "used_name", "birth_date", "sex"),
    *("assigner", "local_id", "status", "flags", "identity"),
)
TELLING: Final = ("family", "birth_date", "number", "ins")
"""One of these is needed: the others would find half a region."""
NAMES: Final = ("family", "given")
LEAST: Final = 2
"""Letters of a name that is sought; one where it is of another script than Latin, whose signs may be whole names."""
WITHOUT_KEY: Final = 13
"""Characters of a matricule that its key may be worked out for."""

Family = Annotated[
    str | None,
    typer.Option("--family", callback=line, help="How it, or a word of it, begins; a used name, too. - reads it."),
]
Given = Annotated[
    str | None, typer.Option("--given", callback=line, help="How it begins; any of the first names. - reads it.")
]
Sound = Annotated[bool, typer.Option("--sound", help="Names that sound as these do in French: DUPOND for DUPONT.")]
Number = Annotated[str | None, typer.Option("--number", callback=line, help="A local id, of any assigner. - reads it.")]
Assigner = Annotated[str | None, typer.Option("--assigner", help="Only ids that this one gave out.")]
Ins = Annotated[
    str | None, typer.Option("--ins", callback=line, help="Matricule, with or without its key. - reads it.")
]
Page = Annotated[int, typer.Option("--page", min=1, max=1_000_000, help="Of --limit identities each.")]


def search(
    family: Family = None,
    given: Given = None,
    by_sound: Sound = False,
    birth_date: BirthDate = None,
    sex: SexOf = None,
    birth_place: BirthPlace = None,
    number: Number = None,
    assigner: Assigner = None,
    ins: Ins = None,
    source: From = None,
    page: Page = 1,
    limit: Limit = PAGE,
    who: As = OWN,
    reason: Why = ASKED,
    as_json: AsJson = False,
) -> None:
    """Identities by what is known of a person: names by how they begin, or sound, without accents or case. All must
    hold. Needs --family, --birth-date, --number or --ins, here or --from a file, whose lines no list of processes
    shows."""
    typed = {
        "family": family,
        "given": given,
        "birth_date": birth_date,
        "sex": sex,
        "birth_place": birth_place,
        "number": number,
        "assigner": assigner,
        "ins": ins,
    }
    criteria = sought(all_told(typed, source), by_sound=by_sound)
    ours = krypton()
    assigner_of(ours, criteria.get("assigner"))
    found = people_found(ours, asker(ours, who, reason), criteria, limit=limit, skip=(page - 1) * limit)
    if as_json:
        document(found)
    else:
        _print(found, criteria, page, limit)


def _print(found: Sequence[Mapping[str, Any]], criteria: Mapping[str, str], page: int, limit: int) -> None:
    """The people of one page, and how to find others."""
    rows = [row["traits"] | {name: row[name] for name in row if name != "traits"} for row in found]
    table(rows, FOUND, "Found" if page == 1 else f"Found, page {page}")
    if not found and "|" in criteria.get("number", ""):
        err.print("--number is the number alone; --assigner says who gave it out")
    if len(found) == limit:
        err.print(f"there may be more: --page {page + 1}; or say more of the person")


def sought(told: Mapping[str, str], *, by_sound: bool = False) -> dict[str, str]:
    """The criteria that say something, as the view compares them. Raises BadParameter, which repeats no value."""
    criteria = {name: value.strip() for name, value in told.items() if value.strip()}
    if not criteria.keys() & set(TELLING):
        raise typer.BadParameter(
            "nothing to search by: give --family, --birth-date, --number or --ins, and what else is known; "
            "--from - reads such lines as family=FICTIVE"
        )
    for name in criteria.keys() & set(NAMES):
        _check_name(name, criteria[name])
    if by_sound and not criteria.keys() & set(NAMES):
        raise typer.BadParameter("--sound is how names are compared, and none is given: add --family or --given")
    if criteria.get("sex", Sex.M) not in list(Sex):
        raise typer.BadParameter(f"--sex is none of {', '.join(Sex)}")
    if "birth_date" in criteria:
        _check_date(criteria["birth_date"])
    criteria |= {name: read(criteria[name]) for name, read in CODES.items() if name in criteria}
    return {f"{name}_sound" if by_sound and name in NAMES else name: value for name, value in criteria.items()}


def _check_name(name: str, text: str) -> None:
    """What has no letter would find nobody, or everybody."""
    letters = folded(text)
    if (count := sum(map(str.isalpha, letters))) < (LEAST if letters.isascii() else 1):
        more = f"{count} letter" if count else "no letter"
        raise typer.BadParameter(f"--{name} has {more}: give {LEAST} or more")


def _check_date(text: str) -> None:
    """A day in another form would be compared as it is, and nobody found."""
    if first_day(text) is None:
        raise typer.BadParameter("--birth-date is no date: write YYYY-MM-DD, with 00 for what is not known of it")


def _matricule(text: str) -> str:
    """All 15 characters: whoever reads them aloud may leave out the key."""
    bare = "".join(text.split()).upper()
    whole = f"{bare}00" if len(bare) == WITHOUT_KEY else bare
    if not FORM.fullmatch(whole):
        raise typer.BadParameter("--ins is no matricule: give its 13 characters, or 15 with the key")
    return whole if whole == bare else f"{bare}{key_of(bare):02}"


def _place(text: str) -> str:
    try:
        CHECKS["birth_place"](place := text.upper(), datetime.now(UTC))
    except BadTraits as wrong:
        raise typer.BadParameter(f"--birth-place: {wrong}") from None
    return place


CODES: Final[Mapping[str, Callable[[str], str]]] = {"ins": _matricule, "birth_place": _place}
"""How each is written that is compared sign by sign."""


def add_to(app: typer.Typer) -> None:
    """The command of the group."""
    app.command()(search)
