"""A little of each fuzzer that needs a server: DICOM and HTTP over sockets, a view's store on PostgreSQL."""

from contextlib import closing

import pytest

from tests.fuzz.kept import holds
from tests.fuzz.pdus import Pdus
from tests.fuzz.records import Records
from tests.fuzz.registry_requests import RegistryRequests
from tests.fuzz.web_requests import WebRequests


def test_no_peer_breaks_the_dicom_service() -> None:
    """Whatever a peer sends, an honest sender is served after it, and nothing of it is left."""
    with closing(Pdus()) as target:
        holds(target, 120)
        target.settled()


def test_no_request_breaks_the_registry() -> None:
    """Each is answered below 500, or ended."""
    with closing(RegistryRequests()) as target:
        holds(target, 120)


def test_no_request_breaks_the_web_service_or_shows_somebody_to_a_stranger() -> None:
    """Each is answered below 500, or ended."""
    with closing(WebRequests()) as target:
        holds(target, 120)


@pytest.mark.live
def test_no_record_of_others_breaks_a_view_or_changes_its_rows(database_url: str) -> None:
    """Each becomes a dead letter; the view holds what the ledger says."""
    with closing(Records(database_url)) as target:
        holds(target, 60)
