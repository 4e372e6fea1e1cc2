"""Validates the INS, the national health identity: matricule (13 characters and a 2-digit key) and authority (OID).

The matricule is an NIR or NIA. Source: Référentiel INS v2.1; the key is 97 - (number mod 97), with 2A as 19 and 2B as
18 for Corsica. An installation takes the production authorities, or, where it is one for tests, those of test and
demonstration: neither kind has a place among the other's people.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from domain.errors import BadIns, OtherAuthority


@dataclass(frozen=True)
class Authorities:
    """The authorities whose matricules an installation takes: OID to name; the first is meant where none is said."""

    names: Mapping[str, str]

    @property
    def default(self) -> str:
        """The OID of the NIR's."""
        return next(iter(self.names))


PRODUCTION: Final = Authorities(
    {"1.2.250.1.213.1.4.8": "ASIP-SANTE-INS-NIR", "1.2.250.1.213.1.4.9": "ASIP-SANTE-INS-NIA"}
)
TEST: Final = Authorities(
    {"1.2.250.1.213.1.4.10": "ASIP-SANTE-INS-NIR-TEST", "1.2.250.1.213.1.4.11": "ASIP-SANTE-INS-NIR-DEMO"}
)
AUTHORITIES: Final[Mapping[str, str]] = {**PRODUCTION.names, **TEST.names}
"""All by OID, as messages and images name them (Annexe CI-SIS, Prise en charge de l'INS)."""
FORM: Final = re.compile("[1-8][0-9]{4}(?:[0-9]{2}|2A|2B)[0-9]{8}")


def key_of(number: str) -> int:
    """The key, 1 to 97, of the first 13 characters."""
    return 97 - int(number.replace("2A", "19", 1).replace("2B", "18", 1)) % 97


def matricule(text: str, oid: str, authorities: Authorities) -> str:
    """The 15 characters, checked and never corrected. Raises BadIns (I5), OtherAuthority (I9): neither quotes it."""
    bare = text.replace(" ", "").upper()
    _refuse_other(oid, authorities)
    if not FORM.fullmatch(bare):
        raise BadIns("a matricule has 13 characters and a key of 2 digits: check what was typed")
    if key_of(bare[:13]) != int(bare[13:]):
        raise BadIns("the key of the matricule does not fit its number: fetch it again from INSi")
    return bare


def _refuse_other(oid: str, authorities: Authorities) -> None:
    if oid not in AUTHORITIES:
        stated = f"OID {oid}" if re.fullmatch("[0-9.]{1,64}", oid) else "what stands as OID"  # it may be a name
        raise BadIns(f"{stated} is not one of INS: use {', '.join(authorities.names)}")
    if oid not in authorities.names:
        known = " or ".join(authorities.names)
        if authorities is PRODUCTION:
            raise OtherAuthority(
                f"OID {oid} is for tests, and this installation is not: give the matricule of {known}, or set "
                "KRYPTON_TEST_INSTALLATION=1 where nobody is a patient"
            )
        raise OtherAuthority(f"OID {oid} is that of real people, and this installation is for tests: use {known}")


def qualified(matricule: str | None, oid: str | None) -> str | None:
    """A matricule with its authority, as matching compares it (I10)."""
    return matricule and f"{oid}|{matricule}"
