"""Who an answer is about: the first lines of what is shown of a person."""

from collections.abc import Mapping
from typing import Any

from krypton.cli.output import facts, table
from schemas.event import ERASED


def full_name(family: str | None, given: str | None) -> str | None:
    """Both names, as people say them; what is erased is said once."""
    names = [name for name in (family, given) if name]
    return ERASED if ERASED in names else " ".join(names) or None


def patient(found: Mapping[str, Any]) -> None:
    """Name, birth date, sex and standing of the person, and under which numbers they are known where."""
    who = found["patient"]
    facts(
        {
            "patient": full_name(who["family"], who["given"]),
            **({"used name": who["used_name"]} if who["used_name"] else {}),
            "born": who["birth_date"],
            "sex": who["sex"],
            "INS status": who["status"],
            **({"INS": who["ins"]} if who["ins"] else {}),
            **({"flags": who["flags"]} if who["flags"] else {}),
            **({"also stated": who["also_stated"]} if who["also_stated"] else {}),
            "person": found["person"],
        }
    )
    table(found["members"], ("assigner", "local_id", "identity"), "Known as")
