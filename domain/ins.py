"""Validates the INS, the national health identity: matricule (13 characters and a 2-digit key) and OID.

The matricule is an NIR or NIA. Source: Référentiel INS v2.1; the key is 97 - (number mod 97), with 2A as 19 and 2B as
18 for Corsica.
"""

import re

from domain.errors import BadIns

OIDS = {
    "1.2.250.1.213.1.4.8": "NIR",
    "1.2.250.1.213.1.4.9": "NIA",
    "1.2.250.1.213.1.4.10": "NIR, test",
    "1.2.250.1.213.1.4.11": "NIR, demonstration",
}

AUTHORITIES = {
    "1.2.250.1.213.1.4.8": "ASIP-SANTE-INS-NIR",
    "1.2.250.1.213.1.4.9": "ASIP-SANTE-INS-NIA",
    "1.2.250.1.213.1.4.10": "ASIP-SANTE-INS-NIR-TEST",
    "1.2.250.1.213.1.4.11": "ASIP-SANTE-INS-NIR-DEMO",
}
"""The authorities by OID, as messages and images name them (Annexe CI-SIS, Prise en charge de l'INS)."""


def key_of(number: str) -> int:
    """The key, 1 to 97, of the first 13 characters."""
    return 97 - int(number.replace("2A", "19", 1).replace("2B", "18", 1)) % 97


def matricule(text: str, oid: str) -> str:
    """The 15 characters, checked and never corrected. Raises BadIns (I5), which never quotes the number."""
    bare = text.replace(" ", "").upper()
    if oid not in OIDS:
        stated = f"OID {oid}" if re.fullmatch("[0-9.]{1,64}", oid) else "what stands as OID"  # it may be a name
        raise BadIns(f"{stated} is not one of INS: use {', '.join(OIDS)}")
    if not re.fullmatch(r"[1-8]\d{4}(\d\d|2A|2B)\d{8}", bare):
        raise BadIns("a matricule has 13 characters and a key of 2 digits: check what was typed")
    if key_of(bare[:13]) != int(bare[13:]):
        raise BadIns("the key of the matricule does not fit its number: fetch it again from INSi")
    return bare
