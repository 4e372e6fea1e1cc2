"""A ``Krypton`` over a ledger in memory: what the command line asks, without services."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

from domain.ledger import Ledger
from krypton.addresses import Addresses
from krypton.bootstrap import Krypton
from krypton.settings import Settings
from tests.fakes.ids import SECRET


def krypton_over(ledger: Ledger, connection: Any = None) -> Krypton:
    """Asks this ledger; its views are read over ``connection``."""
    ours = Krypton(Settings.read({}, Path()), Addresses("nowhere:1", "postgresql://nowhere"))
    vars(ours)["ledger"] = ledger
    vars(ours)["region_secret"] = SECRET
    vars(ours)["snapshot"] = lambda: nullcontext(connection)
    return ours
