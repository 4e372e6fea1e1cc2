"""What retrieval asks of the ledger: who may be given what, and where an AE title listens."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from adapters.dicom.network.requestor import Callee


@dataclass(frozen=True)
class Asker:
    """Who asks: an application of an establishment. ``why``: the operation, for DICOM carries no reason."""

    ae_title: str
    site: str
    why: str


Attributes = dict[str, Any]
"""DICOM JSON: attributes by tag."""


class TooMuch(Exception):
    """More is asked for than is answered at once; the message says what to say more of."""


class Shelf(Protocol):
    """What may be seen. Each answer was decided, and is on record, before it is given. Whoever may see nothing is
    answered as if nothing were there.
    """

    def person(self, asker: Asker, number: str, issuer: str) -> str | None:
        """Whom a number names, as a token for ``studies``; None: nobody."""

    def uids(self, asker: Asker, number: str, issuer: str) -> list[str]:
        """UIDs of all studies of that patient which the asker may see. Raises TooMuch."""

    def studies(self, asker: Asker, uid: str, person: str | None) -> tuple[str, ...]:
        """Ids of the studies of a UID that the asker may see now; asked again, whether that holds still."""

    def found(self, asker: Asker, keys: Mapping[str, str], most: int) -> tuple[list[Attributes], bool]:
        """Studies that meet all keys (by keyword), and whether there are more than ``most``, which are not among them.

        Raises BadKey.
        """


class Places(Protocol):
    """Where applications listen."""

    def callee(self, site: str, ae_title: str) -> Callee | None:
        """An application of that establishment; None: it has none of that title, or none that is called."""
