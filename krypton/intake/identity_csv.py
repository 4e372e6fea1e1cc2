"""What a CSV file of identities asks: each row registers one."""

from collections.abc import Iterator, Mapping
from typing import Final

from domain.commands.identities import Register
from domain.errors import AlreadyRegistered, BadIns, BadTraits, Erased, OtherAuthority, UnknownSite
from domain.ids import Ids
from domain.traits import TRAITS
from krypton.intake.csv_import import Claim, Kind
from krypton.intake.identity_columns import COLUMNS

BLAMED: Final[Mapping[type[Exception], str]] = {
    UnknownSite: "assigner",
    AlreadyRegistered: "id",
    Erased: "id",
    BadIns: "ins",
    OtherAuthority: "ins_oid",
}


def _command(said: Mapping[str, str]) -> Register:
    return Register(
        assigner=said.get("assigner", ""),
        local_id=said.get("id", ""),
        stated={name: said.get(name) for name in TRAITS},
        ins=said.get("ins"),
        ins_oid=said.get("ins_oid"),
    )


def _claims(ids: Ids, command: Register) -> Iterator[Claim]:
    for identity in command.touches(ids):
        yield Claim(identity, "id", "an earlier line gives that id to somebody else: an id is registered once (I2)")


def _blamed(refusal: Exception) -> str | None:
    return refusal.about if isinstance(refusal, BadTraits) else BLAMED.get(type(refusal))


IDENTITIES: Final = Kind(
    name="identities",
    done="registered",
    to_do="to_register",
    row="imported row",
    layout=COLUMNS,
    command=_command,
    claims=_claims,
    blamed=_blamed,
)
