"""What CSV files of the directory ask: each row enrolls an establishment, or registers a professional."""

from collections.abc import Iterator, Mapping
from typing import Final
from uuid import UUID, uuid5

from domain.aggregates.establishment import Establishment
from domain.aggregates.professional import Professional
from domain.commands.directory import EnrollSite, RegisterProfessional
from domain.errors import (
    AeTitleTaken,
    AlreadyAffiliated,
    BadAeTitle,
    BadFiness,
    BadProfessional,
    BadSite,
    ProfessionalRegistered,
    SiteEnrolled,
    UnknownSite,
)
from domain.ids import Ids
from krypton.intake.csv_import import Claim, Kind
from krypton.intake.directory_columns import PROFESSIONALS as OF_PROFESSIONALS
from krypton.intake.directory_columns import SITES as OF_SITES
from krypton.intake.directory_columns import each

AE_TITLES: Final = UUID("0f8a4c1e-6a4b-5d3c-9a57-3c1e5b7d9f20")  # of ids within one check: never stored
BLAMED: Final[Mapping[type[Exception], str]] = {
    BadSite: "code",  # that there is a name is asked of the row
    SiteEnrolled: "code",
    BadFiness: "finess",
    BadAeTitle: "ae_titles",
    AeTitleTaken: "ae_titles",
    BadProfessional: "rpps",  # the same of name and profession
    ProfessionalRegistered: "rpps",
    UnknownSite: "sites",
    AlreadyAffiliated: "sites",
}


def _blamed(refusal: Exception) -> str | None:
    return BLAMED.get(type(refusal))


def _site(said: Mapping[str, str]) -> EnrollSite:
    return EnrollSite(
        code=said["code"], name=said["name"], finess=said.get("finess"), ae_titles=each(said.get("ae_titles"))
    )


def _of_site(_: Ids, command: EnrollSite) -> Iterator[Claim]:
    yield Claim(
        Establishment.create_id(command.code), "code", "an earlier line has that code: a code is enrolled once (E2)"
    )
    for title in command.ae_titles:
        said = f"an earlier line has the AE title {title}: it belongs to one establishment (E5)"
        yield Claim(uuid5(AE_TITLES, title), "ae_titles", said)


def _professional(said: Mapping[str, str]) -> RegisterProfessional:
    return RegisterProfessional(
        rpps=said["rpps"], name=said["name"], profession=said["profession"], sites=each(said.get("sites"))
    )


def _of_professional(ids: Ids, command: RegisterProfessional) -> Iterator[Claim]:
    said = "an earlier line has that number: name all establishments of a professional in one line (P2)"
    yield Claim(Professional.create_id(ids, command.rpps), "rpps", said)


SITES: Final = Kind(
    name="sites",
    done="enrolled",
    to_do="to_enroll",
    row="imported site",
    layout=OF_SITES,
    command=_site,
    claims=_of_site,
    blamed=_blamed,
)
PROFESSIONALS: Final = Kind(
    name="professionals",
    done="registered",
    to_do="to_register",
    row="imported professional",
    layout=OF_PROFESSIONALS,
    command=_professional,
    claims=_of_professional,
    blamed=_blamed,
)
