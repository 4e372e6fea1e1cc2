"""A web service that keeps images, as a process of its own, to be killed or measured.

python -m tests.fakes.stow_process HOME LEDGER PORT. Its ledger is that of ``dicom_process``.
"""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from krypton.faces.http.app import face
from krypton.services.http import AnsweringProtocol, listen, server
from krypton.services.stow import Store
from krypton.settings import Settings
from tests.fakes.dicom_process import FolderLedger
from tests.fakes.stow import accounts


class Region(FolderLedger):
    """Every establishment is enrolled."""

    def work(self, _: object) -> Any:
        """What a decision looks at."""
        return SimpleNamespace(holds=lambda _: True)


def main(home: str, ledger: str, port: str) -> None:
    """Serve until killed."""
    folder = Path(home)
    settings = Settings(home=folder, batch_quiet_s=0.2)
    ours: Any = SimpleNamespace(pool=2, ledger=Region(Path(ledger)), settings=settings)
    store = Store(ours)
    store.start()
    web = face(ours, [accounts(folder)], lambda: True, lambda: b"", storing=store)
    with listen("127.0.0.1", int(port), "PORT") as opened:
        server(web.app, AnsweringProtocol).run(sockets=[opened])
    web.close()
    store.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
