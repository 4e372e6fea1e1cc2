"""The directory as it is listed: enrolled establishments with their AE titles, and registered professionals.

It is a fold of all directory events. Decisions look up the one establishment or professional that they are about.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar


@dataclass
class Site:
    """An enrolled establishment. ``ae_titles``: DICOM application entities that may send as it."""

    code: str
    name: str
    finess: str | None
    ae_titles: set[str] = field(default_factory=set)
    services: set[str] = field(default_factory=set)


@dataclass
class Professional:
    """A registered professional, named as in the public register; ``sites`` are the codes of affiliation."""

    rpps: str
    name: str
    profession: str
    sites: set[str] = field(default_factory=set)
    suspended: bool = False


class Directory:
    """Establishments by code, and professionals by RPPS number."""

    TYPES: ClassVar[tuple[str, ...]] = (
        "establishment.enrolled",
        "establishment.service_activated",
        "establishment.service_ended",
        "establishment.device_registered",
        "professional.registered",
        "professional.affiliated",
        "professional.suspended",
    )

    def __init__(self) -> None:
        self.sites: dict[str, Site] = {}
        self.professionals: dict[str, Professional] = {}
        self._by_ae_title: dict[str, str] = {}

    def apply(self, event_type: str, data: Mapping[str, Any]) -> None:
        """Fold one directory event; they come in ledger order."""
        match event_type:
            case "establishment.enrolled":
                self.sites[data["code"]] = Site(data["code"], data["name"], data["finess"])
            case "establishment.device_registered":
                # Two registered at the same instant: the first keeps it, for a caller has one site.
                if self._by_ae_title.setdefault(data["ae_title"], data["code"]) == data["code"]:
                    self.sites[data["code"]].ae_titles.add(data["ae_title"])
            case "establishment.service_activated":
                self.sites[data["code"]].services.add(data["service"])
            case "establishment.service_ended":
                self.sites[data["code"]].services.discard(data["service"])
            case "professional.registered":
                self.professionals[data["rpps"]] = Professional(data["rpps"], data["name"], data["profession"])
            case "professional.affiliated":
                self.professionals[data["rpps"]].sites.add(data["site"])
            case "professional.suspended":
                self.professionals[data["rpps"]].suspended = True
