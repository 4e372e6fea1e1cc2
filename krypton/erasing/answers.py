"""Takes out of stored answers what names somebody: numbers of orders and exams, and file names of imports.

The ledger keeps what it answered to each command, to answer a repeated one alike; an order's answer holds its number at
the site and its accession. Answers of imports lie in the DICOM folder and name the files that were refused. Whose a
refused file was nobody knows, so all file names go that were answered before somebody was erased; counts and reasons
stay.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

from adapters.dicom.inlet import spool_at
from adapters.inbox.answers import forget_files
from krypton.bootstrap import Krypton
from krypton.vaults import erased_pages


def forgotten(ours: Krypton, causes: Mapping[str, int]) -> Mapping[str, Sequence[str]]:
    """Take it out of the answers of these people's commands, and of imports."""
    forget_files(spool_at(ours.settings.instances))
    ours.ledger.log.forget_answers([command for identity in causes for command in _commands(ours, identity)])
    return dict.fromkeys(causes, ())


def forgotten_again(ours: Krypton) -> int:
    """Take out what an older event store brought back of all who were erased; how many they are."""
    people = 0
    for page in erased_pages(ours.addresses.database):
        forgotten(ours, dict.fromkeys(page, 0))
        people += len(page)
    return people


def _commands(ours: Krypton, identity: str) -> set[UUID]:
    """Ids of the commands on the orders and studies that began for an identity."""
    stored = ours.ledger.log.events_of(ours.ledger.log.begun_for(UUID(identity)))
    decoded = (ours.codec.decode(one.state, one.originator_version, unseal=False)[1] for one in stored)
    return {UUID(one["command_id"]) for one in decoded}
