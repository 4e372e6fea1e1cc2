"""Flags of an identity: which there are, which exclude each other or a better status, and when one is set or cleared.

The rules (I) are those of ``domain.aggregates.identity``.
Source: RNIV 1 v2.0 (EXI SI 09); HL7 table 0445-FR, for those that wait for a clerk (``domain.worklist``).
"""

from collections.abc import Collection, Mapping
from typing import Final

from domain.errors import FlagUnchanged, StatusNotAllowed
from domain.worklist import FLAGS_OF

FORCES_PROV: Final[Mapping[str, str]] = {"DOUT": "FICT", "FICT": "DOUT"}
"""Flags that allow the status PROV only, each with the one that it excludes."""
NUMBER_SWAPPED: Final = "number_swapped"
FLAGS: Final = ("DOUT", "FICT", "HOMA", *(flag for flags in FLAGS_OF.values() for flag in flags))


def forcing_prov(flags: Collection[str]) -> list[str]:
    """Those of these flags that allow the status PROV only."""
    return sorted(flag for flag in flags if flag in FORCES_PROV)


def refuse_setting(flag: str, who: str, flags: Collection[str]) -> None:
    """Raises FlagUnchanged (I6), StatusNotAllowed (I4). ``who``: the identity, for messages; ``flags``: that it has."""
    if flag not in FLAGS:
        raise FlagUnchanged(f"no flag {flag}: known are {', '.join(FLAGS)}")
    if flag in flags:
        raise FlagUnchanged(f"{who} is flagged {flag} already: nothing to do")
    if (excluded := FORCES_PROV.get(flag)) in flags:
        raise StatusNotAllowed(f"{who} is flagged {excluded}, which excludes {flag}: clear it first")


def refuse_clearing(flag: str, who: str, flags: Collection[str]) -> None:
    """Raises FlagUnchanged (I6)."""
    if flag not in flags:
        raise FlagUnchanged(f"{who} is not flagged {flag}: nothing to clear")
