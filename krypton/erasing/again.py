"""Deletes instances again of all whose instances were deleted: on each machine with a DICOM folder of its own.

The policy deletes on its own machine, and the ledger notes which studies they were. So another machine follows, and a
folder that is restored from an older backup is cleaned.
"""

from collections.abc import Sequence

from adapters.dicom.inlet import spool_at
from adapters.inbox.filed import in_hand
from adapters.inbox.spool import Spool
from krypton.bootstrap import Krypton
from krypton.erasing.events import pages
from krypton.erasing.instances import AT_A_TIME, US, delete_beside, delete_listed


class Again:
    """``upto``: the ledger position up to which all was deleted here."""

    def __init__(self, ours: Krypton) -> None:
        self._ours = ours
        self.upto = 0

    def follow(self) -> int:
        """Delete of all of whom it was noted since the last time; how many they are. Raises OSError.

        While a batch is in hand that was begun before somebody was erased, the next time is about them again.
        """
        ours, found, goes_on = self._ours, 0, True
        spool = spool_at(ours.settings.instances)
        for upto, events in pages(ours, "erasure.followed", self.upto):
            noted = [told for told in events if told["part"] == "instances"]
            erased = {told["identity_id"]: told["recorded_at"] / US for told in noted}
            if erased:
                goes_on = goes_on and not in_hand(spool, max(erased.values()) + ours.settings.clock_bound_s)
                for told in noted:
                    _delete_all(ours, spool, told["studies"], erased[told["identity_id"]])
                studies = {study: told["recorded_at"] / US for told in noted for study in told["studies"]}
                delete_beside(ours, spool, erased, studies)
            found += len(erased)
            self.upto = upto if goes_on else self.upto
        return found

    def from_the_start(self) -> int:
        """The same of everybody: an older folder may have been restored."""
        self.upto = 0
        return self.follow()


def _delete_all(ours: Krypton, spool: Spool, studies: Sequence[str], erased_at: float) -> None:
    """In passes: each leaves a list of what is left."""
    while delete_listed(ours, spool, studies, erased_at, AT_A_TIME) == AT_A_TIME:
        pass
