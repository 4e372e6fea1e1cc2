"""Serves what takes more than one answer on an association: C-FIND, C-MOVE, C-GET and storage commitment.

What goes wrong on Krypton's side is answered, and costs this one request.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from adapters.dicom.network.dialogue import Dialogue
from adapters.dicom.network.dimse import Answer, Operation
from adapters.dicom.network.pdu import Malformed
from adapters.dicom.network.talk import CutOff, Released
from adapters.dicom.network.wire import Gone, Late

log = logging.getLogger(__name__)

ENDS: Final = (CutOff, Gone, Late, Malformed, Released)
"""What ends the association."""
BROKEN: Final[Mapping[int, int]] = {Operation.C_FIND: 0xC000, Operation.N_ACTION: 0x0110}
"""Statuses of a failure on this side; of a retrieval, that sub-operations cannot be performed."""
CANNOT_SEND: Final = 0xA702


@dataclass(frozen=True)
class Served:
    """``by``: who serves what, by operation."""

    by: Mapping[Operation, Callable[[Dialogue], None]]

    def __call__(self, dialogue: Dialogue) -> None:
        """To its last answer. Raises what ends the association."""
        try:
            self.by[Operation(dialogue.asked.operation)](dialogue)
        except ENDS:
            raise
        except Exception as broken:
            log.error("a request of %s could not be served (%s)", dialogue.agreed.calling, type(broken).__name__)
            status = BROKEN.get(dialogue.asked.operation, CANNOT_SEND)
            dialogue.answer(Answer(status, "a failure on this side: try again later"))
