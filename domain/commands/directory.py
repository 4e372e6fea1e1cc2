"""Commands on establishments and professionals, and the record of a rejected DICOM caller."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from domain.aggregates.establishment import CODE, Establishment
from domain.aggregates.professional import Professional
from domain.aggregates.refused_caller import ADDRESS_LENGTH, AE_TITLE_LENGTH, RefusedCaller, printable
from domain.errors import NotFound, ProfessionalRegistered, SiteEnrolled, UnknownSite
from domain.ids import Ids
from domain.work import Work


def site_of(work: Work, code: str) -> Establishment:
    """The enrolled establishment of that code. Raises UnknownSite (S1)."""
    if (site := work.find(Establishment, Establishment.create_id(code))) is None:
        raise UnknownSite(f"no establishment {code} is enrolled: krypton site enroll {code} --name …")
    return site


def is_enrolled(work: Work, code: str) -> bool:
    """Whether an establishment of that code is enrolled."""
    return CODE.fullmatch(code) is not None and work.holds(Establishment.create_id(code))


def professional_of(work: Work, rpps: str) -> Professional:
    """The registered professional of that RPPS number. Raises NotFound."""
    if (found := work.find(Professional, Professional.create_id(work.ids, rpps))) is None:
        raise NotFound(f"no professional {rpps} is registered: krypton professional register {rpps} --name …")
    return found


@dataclass(frozen=True, kw_only=True)
class EnrollSite:
    """Enrol an establishment. ``finess``: national number, 9 characters; ``ae_titles`` may send at once."""

    code: str
    name: str
    finess: str | None = None
    ae_titles: tuple[str, ...] = ()

    def touches(self, _: Ids) -> tuple[UUID, ...]:
        """The establishment it creates."""
        return (Establishment.create_id(self.code),)

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises BadSite (E1), SiteEnrolled (E2), BadFiness (E3), BadAeTitle (E4), AeTitleTaken (E5)."""
        if work.find(Establishment, Establishment.create_id(self.code)):
            raise SiteEnrolled(f"establishment {self.code} is enrolled already: register its devices instead")
        new = work.add(Establishment.enroll(code=self.code, name=self.name, finess=self.finess))
        for ae_title in self.ae_titles:
            new.register_device(ae_title=ae_title, kind="pacs", holder=work.site_of(ae_title))
        return {"establishment": str(new.id), "code": self.code}


@dataclass(frozen=True, kw_only=True)
class RegisterDevice:
    """Register a device's AE title, or say where one of theirs listens. ``kind``: modality, pacs, workstation, gateway.

    ``address``: where it is called, as ``host:port``; ``tls``: over TLS.
    """

    code: str
    ae_title: str
    kind: str = "pacs"
    address: str | None = None
    tls: bool = False

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises UnknownSite (S1), BadAeTitle (E4), AeTitleTaken (E5), BadSite (E1), BadAddress (E7)."""
        site = site_of(work, self.code)
        if self.address is None or self.ae_title not in site.ae_titles:
            site.register_device(ae_title=self.ae_title, kind=self.kind, holder=work.site_of(self.ae_title))
        if self.address is not None:
            site.locate_device(ae_title=self.ae_title, address=self.address, tls=self.tls)
        return {"establishment": str(site.id), "code": self.code}


@dataclass(frozen=True, kw_only=True)
class ActivateService:
    """Activate a regional service of the establishment, such as ``teleradiology``."""

    code: str
    service: str

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises UnknownSite (S1), ServiceActive (E6), BadSite (E1)."""
        site = site_of(work, self.code)
        site.activate_service(service=self.service)
        return {"establishment": str(site.id), "code": self.code}


@dataclass(frozen=True, kw_only=True)
class EndService:
    """End a regional service of the establishment."""

    code: str
    service: str

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises UnknownSite (S1), ServiceNotActive (E8)."""
        site = site_of(work, self.code)
        site.end_service(service=self.service)
        return {"establishment": str(site.id), "code": self.code}


@dataclass(frozen=True, kw_only=True)
class RegisterProfessional:
    """Register a health professional by RPPS number, affiliated to these ``sites`` at once."""

    rpps: str
    name: str
    profession: str
    sites: tuple[str, ...] = ()

    def touches(self, ids: Ids) -> tuple[UUID, ...]:
        """The professional it creates, and the establishments."""
        return (Professional.create_id(ids, self.rpps), *map(Establishment.create_id, self.sites))

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises BadProfessional (P1), ProfessionalRegistered (P2), AlreadyAffiliated (P3), UnknownSite (S1)."""
        if work.find(Professional, Professional.create_id(work.ids, self.rpps)):
            raise ProfessionalRegistered(f"professional {self.rpps} is registered already: affiliate them instead")
        new = Professional.register(work.ids, rpps=self.rpps, name=self.name, profession=self.profession)
        for site in self.sites:
            new.affiliate(site=site_of(work, site).code)
        work.add(new)
        return {"professional": str(new.id), "rpps": self.rpps}


@dataclass(frozen=True, kw_only=True)
class Affiliate:
    """Affiliate a professional to an establishment."""

    rpps: str
    site: str

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises NotFound, UnknownSite (S1), AlreadyAffiliated (P3)."""
        professional = professional_of(work, self.rpps)
        professional.affiliate(site=site_of(work, self.site).code)
        return {"professional": str(professional.id), "rpps": self.rpps}


@dataclass(frozen=True, kw_only=True)
class Suspend:
    """Bar a professional from opening accesses."""

    rpps: str
    reason: str

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises NotFound, SuspensionRefused (P4)."""
        professional = professional_of(work, self.rpps)
        professional.suspend(reason=self.reason)
        return {"professional": str(professional.id), "rpps": self.rpps}


@dataclass(frozen=True, kw_only=True)
class RefuseCaller:
    """Record that a DICOM caller with an unregistered AE title was rejected. ``address``: of the peer."""

    ae_title: str
    called: str
    address: str

    def decide(self, work: Work) -> dict[str, Any]:
        """Recorded once per AE title and day (UTC): later calls the same day change nothing."""
        ae_title, called = printable(self.ae_title, AE_TITLE_LENGTH), printable(self.called, AE_TITLE_LENGTH)
        day = work.now.date().isoformat()
        caller_id = RefusedCaller.create_id(work.ids, ae_title, day)
        if work.find(RefusedCaller, caller_id) is None:
            work.add(RefusedCaller(caller_id, ae_title, called, printable(self.address, ADDRESS_LENGTH), day))
        return {"caller": str(caller_id)}
