"""The directory: enrolled establishments with their AE titles, and registered professionals, kept in memory.

It is a fold of directory events, small enough for memory (hundreds of establishments).
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
    """Looks up establishments by code or AE title, and professionals by RPPS."""

    TYPES: ClassVar[tuple[str, ...]] = (
        "establishment.enrolled",
        "establishment.service_activated",
        "establishment.device_registered",
        "professional.registered",
        "professional.affiliated",
        "professional.suspended",
    )

    def __init__(self) -> None:
        self.upto = 0
        self.sites: dict[str, Site] = {}
        self.professionals: dict[str, Professional] = {}
        self._by_ae_title: dict[str, str] = {}

    def apply(self, event_type: str, position: int, data: Mapping[str, Any]) -> None:
        """Fold one directory event."""
        match event_type:
            case "establishment.enrolled":
                self.sites[data["code"]] = Site(data["code"], data["name"], data["finess"])
            case "establishment.device_registered":
                # Two registered at the same instant: the first keeps it, for a caller has one site.
                if self._by_ae_title.setdefault(data["ae_title"], data["code"]) == data["code"]:
                    self.sites[data["code"]].ae_titles.add(data["ae_title"])
            case "establishment.service_activated":
                self.sites[data["code"]].services.add(data["service"])
            case "professional.registered":
                self.professionals[data["rpps"]] = Professional(data["rpps"], data["name"], data["profession"])
            case "professional.affiliated":
                self.professionals[data["rpps"]].sites.add(data["site"])
            case "professional.suspended":
                self.professionals[data["rpps"]].suspended = True

    def site(self, code: str) -> Site | None:
        """The establishment of that code, or None."""
        return self.sites.get(code)

    def site_of_ae_title(self, ae_title: str) -> Site | None:
        """The establishment that may send under that AE title, or None."""
        code = self._by_ae_title.get(ae_title)
        return self.sites[code] if code else None
