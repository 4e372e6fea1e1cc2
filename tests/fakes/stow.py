"""A web service that keeps what is sent to it, over a ledger in memory; and the bodies that are sent."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

from adapters.dicom.inlet import spool_at
from adapters.inbox.spool import Spool
from krypton.faces.http.accounts import Accounts
from krypton.faces.http.app import Face, face
from krypton.faces.http.limits import Limits
from krypton.services.stow import Store
from krypton.settings import Settings
from tests.fakes.dicom import SITE, enrolled
from tests.fakes.ledger import MemoryLedger
from tests.fakes.web import DOCTOR, TOKEN, account, accounts_file, digest

PACS: Final = "service:chb-pacs"
PACS_TOKEN: Final = "fictitious-token-of-a-pacs-0123456789-abcdefghijkl"
NOWHERE_TOKEN: Final = "fictitious-token-of-a-pacs-of-nowhere-0123456789-ab"
STRANGER_TOKEN: Final = "fictitious-token-of-a-stranger-0123456789-abcdefgh"
BOUNDARY: Final = "fictitious-boundary"
KIND: Final = f'multipart/related; type="application/dicom"; boundary="{BOUNDARY}"'
SENDS: Final = {"Authorization": f"Bearer {PACS_TOKEN}", "Content-Type": KIND}
STUDIES: Final = "/dicom-web/studies"


def accounts(folder: Path) -> Accounts:
    """A PACS of an enrolled establishment, one of none, one of an establishment that is not enrolled; a doctor."""
    return Accounts(
        accounts_file(
            folder,
            account("pacs", PACS, site=SITE, token=digest(PACS_TOKEN)),
            account("nowhere", "service:nowhere", token=digest(NOWHERE_TOKEN)),
            account("stranger", "service:stranger", site="XXX", token=digest(STRANGER_TOKEN)),
            account("doctor", DOCTOR, site=SITE, token=digest(TOKEN)),
        ),
        folder,
    )


def body(parts: Sequence[bytes], kind: str = "application/dicom", boundary: str = BOUNDARY) -> bytes:
    """A multipart body of these files."""
    head = f"--{boundary}\r\nContent-Type: {kind}\r\n\r\n".encode()
    return b"".join(head + one + b"\r\n" for one in parts) + f"--{boundary}--\r\n".encode()


@dataclass
class Ward:
    """The service, its ledger and its spool."""

    web: Face
    ledger: MemoryLedger
    spool: Spool
    store: Store

    def files(self) -> list[str]:
        """What lies in the spool with bytes in it, by its name below the root; answers and locks aside."""
        there = (path for path in self.spool.root.rglob("*") if path.is_file() and path.stat().st_size)
        return sorted(str(path.relative_to(self.spool.root)) for path in there if path.name != "lock")

    def held(self, uid: str) -> Path:
        """Where an instance is."""
        return self.spool.claim(SITE, uid)


@contextmanager
def ward(
    folder: Path, *, ledger: MemoryLedger | None = None, limits: Limits | None = None, **settings: Any
) -> Iterator[Ward]:
    """``settings``: fields of ``Settings``."""
    ours: Any = SimpleNamespace(pool=2, ledger=ledger or enrolled(), settings=Settings(home=folder, **settings))
    store = Store(ours)
    store.start()
    web = face(ours, [accounts(folder)], lambda: True, lambda: b"", limits=limits, storing=store)
    try:
        yield Ward(web, ours.ledger, spool_at(ours.settings.instances), store)
    finally:
        web.close()
        store.close()
