"""The targets by name."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Final

from krypton.devstack.stack import Stack
from tests.fuzz.datasets import Datasets
from tests.fuzz.dose_mutations import DoseMutations
from tests.fuzz.dose_reports import DoseReports
from tests.fuzz.events import Events
from tests.fuzz.frame import Target, scratch
from tests.fuzz.hl7_messages import Hl7Messages
from tests.fuzz.identity_csv import IdentityCsv
from tests.fuzz.pdus import Pdus
from tests.fuzz.records import Records
from tests.fuzz.registry_requests import RegistryRequests
from tests.fuzz.web_requests import WebRequests

ALONE: Final[dict[str, Callable[[], Target]]] = {
    "pdus": Pdus,
    "datasets": Datasets,
    "dose_reports": DoseReports,
    "dose_mutations": DoseMutations,
    "hl7": Hl7Messages,
    "identity_csv": IdentityCsv,
    "registry": RegistryRequests,
    "web": WebRequests,
    "events": Events,
}
TARGETS: Final = (*ALONE, "records")


@contextmanager
def opened(name: str) -> Iterator[Target]:
    """A target, closed at the end; with a database of its own where it needs one."""
    if name in ALONE:
        with closing(ALONE[name]()) as target:
            yield target
        return
    folder = scratch()
    stack = Stack(folder)
    try:
        stack.up()
        with closing(Records(stack.new_database("fuzz"))) as target:
            yield target
    finally:
        stack.down()
        shutil.rmtree(folder)
