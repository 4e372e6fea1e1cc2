"""The Establishment aggregate: an enrolled hospital, clinic or practice with its devices and services.

Its id is made from its code.

E1  A code has 2 to 16 capitals, digits or hyphens; there is a name; device kinds and services are plain words.
E2  A code is enrolled once.
E3  A FINESS number, where given, has 9 characters.
E4  An AE title has 1 to 16 printable characters, without backslash, and no space at either end.
E5  An AE title belongs to one establishment and is registered once.
E6  A service is activated once, until it is ended.
E7  A device that is called listens on a host, a name or an address of 1 to 253 signs, and on a port from 1 to 65535.
E8  A service is ended where it is active; it may be activated again.
Source: DICOM PS3.5 section 6.2 (VR AE). Of a FINESS number only the form is checked.
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple
from uuid import UUID, uuid5

from eventsourcing.domain import Aggregate, event

from domain.errors import AeTitleTaken, BadAddress, BadAeTitle, BadFiness, BadSite, ServiceActive, ServiceNotActive

ESTABLISHMENTS = UUID("5d8f4f0e-0f1d-5b53-9c4e-7a3b2f9f4c21")  # namespace of establishment ids: stored, never change it
KINDS = ("modality", "pacs", "workstation", "gateway")

CODE: Final = re.compile("[A-Z0-9-]{2,16}")
HIGHEST_PORT: Final = 65_535
_HOST: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}|[0-9a-fA-F:.]{2,45}")
_PORT: Final = re.compile("[0-9]{1,5}")


def site_code(code: str) -> str:
    """The code. Raises BadSite (E1)."""
    if not CODE.fullmatch(code):
        raise BadSite("an establishment's code has 2 to 16 capitals, digits or hyphens: choose another")
    return code


class Address(NamedTuple):
    """Where a device listens, and whether it speaks TLS there."""

    host: str
    port: int
    tls: bool

    @staticmethod
    def of(stated: str, *, tls: bool) -> "Address":
        """``host:port`` or ``[IPv6]:port``. Raises BadAddress (E7)."""
        host, _, port = stated.strip().rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if not (_HOST.fullmatch(host) and _PORT.fullmatch(port) and 1 <= int(port) <= HIGHEST_PORT):
            raise BadAddress("an address is a host and a port: write it as 10.1.2.3:11112, or pacs.example:11112")
        return Address(host, int(port), tls)


class Establishment(Aggregate):
    """Keeps its code, its AE titles and its services."""

    TOPIC = "establishment"

    class Created(Aggregate.Created):
        TOPIC = "establishment.created"

    class Enrolled(Created):
        TOPIC = "establishment.enrolled"
        code: str
        name: str
        finess: str | None

    class DeviceRegistered(Aggregate.Event):
        TOPIC = "establishment.device_registered"
        code: str
        ae_title: str
        kind: str

    class DeviceLocated(Aggregate.Event):
        TOPIC = "establishment.device_located"
        code: str
        ae_title: str
        host: str
        port: int
        tls: bool

    class ServiceActivated(Aggregate.Event):
        TOPIC = "establishment.service_activated"
        code: str
        service: str

    class ServiceEnded(Aggregate.Event):
        TOPIC = "establishment.service_ended"
        code: str
        service: str

    @classmethod
    def enroll(cls, *, code: str, name: str, finess: str | None) -> "Establishment":
        """A new establishment, checked. Raises BadSite (E1), BadFiness (E3)."""
        site_code(code)
        if not name.strip():
            raise BadSite(f"establishment {code} has no name: give one")
        if finess is not None and not re.fullmatch(r"\d[\dAB]\d{7}", finess):
            raise BadFiness(f"the FINESS number of {code} has not 9 characters: check it, or leave it out")
        return cls(code, name.strip(), finess)

    @staticmethod
    @lru_cache(maxsize=1_000)  # each registration asks for it
    def create_id(code: str) -> UUID:
        """The establishment's id: the same code always has the same one."""
        return uuid5(ESTABLISHMENTS, code)

    @event(Enrolled)
    def __init__(self, code: str, name: str, finess: str | None) -> None:
        self.code = code
        self.ae_titles: set[str] = set()
        self.kinds: dict[str, str] = {}
        self.addresses: dict[str, Address] = {}
        self.services: set[str] = set()

    def register_device(self, *, ae_title: str, kind: str, holder: str | None) -> None:
        """Register the AE title of a device. ``holder``: code of the establishment that has the title now, or None.

        Raises BadAeTitle (E4), BadSite (E1), AeTitleTaken (E5).
        """
        if not re.fullmatch(r"[!-\[\]-~](?:[ -\[\]-~]{0,14}[!-\[\]-~])?", ae_title):
            raise BadAeTitle(f"an AE title of {self.code} is not 1 to 16 printable characters: check the device")
        if kind not in KINDS:
            raise BadSite(f"no kind of device by that name: known are {', '.join(KINDS)}")
        if ae_title in self.ae_titles or holder:
            raise AeTitleTaken(
                f"AE title {ae_title} belongs to {holder or self.code} already: use another on the device"
            )
        self._device_registered(self.code, ae_title, kind)

    @event(DeviceRegistered)
    def _device_registered(self, code: str, ae_title: str, kind: str) -> None:
        self.ae_titles.add(ae_title)
        self.kinds[ae_title] = kind

    def locate_device(self, *, ae_title: str, address: str, tls: bool) -> None:
        """State where a device of the establishment listens, as ``host:port``; what is known already changes nothing.

        Raises BadAddress (E7).
        """
        stated = Address.of(address, tls=tls)
        if self.addresses.get(ae_title) != stated:
            self._device_located(self.code, ae_title, *stated)

    @event(DeviceLocated)
    def _device_located(self, code: str, ae_title: str, host: str, port: int, tls: bool) -> None:
        self.addresses[ae_title] = Address(host, port, tls)

    def activate_service(self, *, service: str) -> None:
        """Activate a regional service. Raises BadSite (E1), ServiceActive (E6)."""
        if not re.fullmatch(r"[a-z][a-z_]{1,31}", service):
            raise BadSite("a service is a word of 2 to 32 small letters or underscores, such as teleradiology")
        if service in self.services:
            raise ServiceActive(f"{self.code} uses {service} already: nothing to do")
        self._service_activated(self.code, service)

    @event(ServiceActivated)
    def _service_activated(self, code: str, service: str) -> None:
        self.services.add(service)

    def end_service(self, *, service: str) -> None:
        """End a regional service. Raises ServiceNotActive (E8)."""
        if service not in self.services:
            raise ServiceNotActive(f"{self.code} uses no such service: see krypton site list")
        self._service_ended(self.code, service)

    @event(ServiceEnded)
    def _service_ended(self, code: str, service: str) -> None:
        self.services.discard(service)
