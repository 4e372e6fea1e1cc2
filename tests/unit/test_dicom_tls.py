"""TLS of the DICOM service, on loopback sockets: a caller is who its certificate names."""

import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.pdu import A_ASSOCIATE_RJ

from adapters.dicom.inlet import spool_at
from adapters.dicom.network.knocking import Waits
from adapters.dicom.network.outgoing import Made
from adapters.dicom.network.pdu import Proposed
from adapters.dicom.network.requestor import Callee, NotAssociated, Requestor
from adapters.dicom.part10 import read_file_meta
from adapters.dicom.receiver import Ways
from adapters.dicom.storage import Doors, StorageService
from adapters.inbox.batches import Limits
from adapters.tls import calling, context
from krypton.errors import SettingsWrong
from krypton.services.dicom import proven
from krypton.settings import Settings
from tests.fakes.certificates import Authority, Issued
from tests.fakes.dicom import AE_TITLE, CT_IMAGE, OTHER_AE_TITLE, SITE, enrolled, instance, part10
from tests.waiting import WITHIN_S, until

Serve = Callable[..., StorageService]


def as_sent(dataset: Dataset) -> Dataset:
    """In explicit VR little endian."""
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return dataset


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Whose certificates are taken."""
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def own(authority: Authority) -> Issued:
    """The service's own."""
    return authority.issue("krypton")


@pytest.fixture
def serve(own: Issued, authority: Authority, tmp_path: Path) -> Iterator[Serve]:
    """Starts services that speak TLS."""
    begun: list[StorageService] = []

    def start(*, mutual: bool = True, waits: Waits | None = None) -> StorageService:
        ledger = enrolled()
        tls = context(own.certificate, own.key, authority.file if mutual else None)
        service = StorageService(
            ledger=ledger,
            spool=spool_at(tmp_path / f"spool{len(begun)}", room=0),
            site_of=ledger.log.site_of,
            refused=lambda _: None,
            doors=Doors(port=0, tls=tls, waits=waits or Waits()),
            ways=Ways(batches=Limits(quiet_s=0.2, linger_s=0.05)),
        )
        service.start()
        begun.append(service)
        return service

    yield start
    for service in begun:
        service.stop(grace_s=1)


def associated(
    service: StorageService,
    authority: Authority,
    sender: Issued | None,
    calling: str = AE_TITLE,
    told: Callable[[Any], None] = lambda _: None,
) -> Association:
    """A sender asks for an association over TLS; ``told`` of each PDU that comes."""
    entity = AE(ae_title=calling)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = entity.connection_timeout = WITHIN_S
    entity.add_requested_context(CT_IMAGE, ExplicitVRLittleEndian)
    trust = ssl.create_default_context(cafile=str(authority.file))
    if sender:
        trust.load_cert_chain(sender.certificate, sender.key)
    handlers = [(evt.EVT_PDU_RECV, lambda event: told(event.pdu))]
    return entity.associate(
        "127.0.0.1", service.port, ae_title="KRYPTON", tls_args=(trust, "127.0.0.1"), evt_handlers=handlers
    )


@pytest.mark.parametrize("names", [(AE_TITLE,), ("pacs.chb.example", AE_TITLE)])
def test_an_instance_comes_in_from_whom_the_certificate_names(
    serve: Serve, authority: Authority, tmp_path: Path, names: tuple[str, ...]
) -> None:
    """As common name, or as a DNS name; more of it than one record of TLS holds."""
    service = serve()
    association = associated(service, authority, authority.issue(*names))
    assert association.is_established
    large = as_sent(instance(BitsAllocated=8, PixelData=b"\1" * 300_000))
    assert association.send_c_store(large).Status == 0
    association.release()
    assert spool_at(tmp_path / "spool0").claim(SITE, large.SOPInstanceUID).exists()


def test_one_whose_certificate_names_another_is_rejected(serve: Serve, authority: Authority) -> None:
    """By what it is told: pynetdicom may call a rejection an abort, where the connection ends with it."""
    told: list[Any] = []
    association = associated(serve(), authority, authority.issue(OTHER_AE_TITLE), told=told.append)
    assert not association.is_established
    assert [(type(pdu), pdu.reason_str) for pdu in told] == [(A_ASSOCIATE_RJ, "Calling AE title not recognised")]


def test_one_without_a_certificate_or_with_a_strange_one_is_hung_up_on(
    serve: Serve, authority: Authority, tmp_path: Path
) -> None:
    service = serve()
    for sender in (None, Authority(tmp_path, "other").issue(AE_TITLE)):
        assert not associated(service, authority, sender).is_established


def test_without_an_authority_of_callers_the_line_is_encrypted_and_the_ae_title_counts(
    serve: Serve, authority: Authority
) -> None:
    association = associated(serve(mutual=False), authority, None)
    assert association.is_established
    association.release()


def test_who_speaks_no_tls_or_says_nothing_keeps_nobody_out(serve: Serve, authority: Authority) -> None:
    service = serve(waits=Waits(request_s=WITHIN_S))
    with (
        socket.create_connection(("127.0.0.1", service.port), WITHIN_S) as mute,
        socket.create_connection(("127.0.0.1", service.port), WITHIN_S) as plain,
    ):
        plain.sendall(bytes((1, 0, 0, 0, 0, 200)) + bytes(200))
        association = associated(service, authority, authority.issue(AE_TITLE))
        assert association.is_established
        association.release()
        until(lambda: service.callers == 1, "the one that speaks no TLS is closed")
        mute.close()
    until(lambda: service.callers == 0, "the mute one is gone")


def settings(**given: str) -> Settings:
    """As read from an environment."""
    return Settings.read({f"KRYPTON_DICOM_{name.upper()}": value for name, value in given.items()}, Path("/nowhere"))


def test_personal_data_are_for_callers_who_are_proven_to_be_who_they_say() -> None:
    files = {"tls_cert_file": "a.pem", "tls_key_file": "a.key"}
    assert proven(settings())
    assert not proven(settings(host="0.0.0.0"))
    assert not proven(settings(host="0.0.0.0", **files))
    assert proven(settings(host="0.0.0.0", tls_ca_file="ca.pem", **files))


@pytest.mark.parametrize("given", [{"tls_cert_file": "a.pem"}, {"tls_ca_file": "ca.pem"}])
def test_half_of_the_files_are_refused_by_name(given: dict[str, str]) -> None:
    with pytest.raises(SettingsWrong, match="KRYPTON_DICOM_TLS_CERT_FILE and KRYPTON_DICOM_TLS_KEY_FILE"):
        settings(**given)


@dataclass
class Called:
    """An application that takes instances over TLS."""

    server: Any
    port: int
    kept: list[str]


@pytest.fixture
def receiver(authority: Authority) -> Iterator[Called]:
    """Its certificate names CHB_PACS."""
    issued, kept = authority.issue(AE_TITLE), list[str]()
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trust.load_cert_chain(issued.certificate, issued.key)
    trust.load_verify_locations(authority.file)
    trust.verify_mode = ssl.CERT_REQUIRED

    def take(event: Any) -> int:
        kept.append(event.request.AffectedSOPInstanceUID)
        return 0

    entity = AE(ae_title=AE_TITLE)
    entity.add_supported_context(CT_IMAGE, ExplicitVRLittleEndian)
    handlers = [(evt.EVT_C_STORE, take)]
    server = entity.start_server(("127.0.0.1", 0), block=False, ssl_context=trust, evt_handlers=handlers)
    yield Called(server, server.server_address[1], kept)
    server.shutdown()


def test_an_application_is_called_over_tls_where_its_certificate_names_it(
    own: Issued, authority: Authority, receiver: Called
) -> None:
    callee = Callee(
        ae_title=AE_TITLE,
        host="127.0.0.1",
        port=receiver.port,
        tls=calling(own.certificate, own.key, authority.file),
    )
    proposed = [Proposed(1, CT_IMAGE, (ExplicitVRLittleEndian,))]
    data = part10(instance(BitsAllocated=8, PixelData=bytes(700_000)), ExplicitVRLittleEndian)
    dataset = data[read_file_meta(data).offset :]
    with Requestor.associate(callee, "KRYPTON", proposed) as association:
        status = association.store(association.contexts[0], CT_IMAGE, "1.2.3", Made(dataset))
        association.release()
    assert (status, receiver.kept) == (0, ["1.2.3"])


def test_another_application_than_is_meant_is_sent_nothing(
    own: Issued, authority: Authority, receiver: Called, tmp_path: Path
) -> None:
    ours = calling(own.certificate, own.key, authority.file)
    others = calling(own.certificate, own.key, Authority(tmp_path, "others").file)
    for title, tls, why in ((OTHER_AE_TITLE, ours, "names another"), (AE_TITLE, others, "is not taken")):
        callee = Callee(ae_title=title, host="127.0.0.1", port=receiver.port, tls=tls)
        with pytest.raises(NotAssociated, match=why):
            Requestor.associate(callee, "KRYPTON", [Proposed(1, CT_IMAGE, (ExplicitVRLittleEndian,))])
