"""A study that is taken away as a ZIP file, once the gate has allowed it; from this machine's files."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

from adapters.archive.archive import NotHeld
from adapters.archive.media import Damaged, Zipped, zip_study
from domain.actors import Caller
from domain.errors import NotFound
from krypton.bootstrap import Krypton
from krypton.errors import ServiceUnavailable
from krypton.queries.images import ELSEWHERE, damaged
from krypton.queries.studies import whole_study


def study_files(ours: Krypton, caller: Caller, study: UUID) -> Zipped:
    """What ``krypton study export --zip`` writes, to be sent. Raises NotFound: also where no instance is kept on this
    machine; and as ``whole_study`` does. Taking a piece raises ServiceUnavailable: an instance is damaged, or gone.
    """
    allowed = whole_study(ours, caller, "study.export", study)
    try:
        found = zip_study(ours.archive, allowed)
    except NotHeld:
        raise NotFound(ELSEWHERE) from None
    return replace(found, pieces=_whole(found.pieces))


def _whole(pieces: Iterator[bytes]) -> Iterator[bytes]:
    try:
        yield from pieces
    except Damaged as rotten:
        raise ServiceUnavailable(str(rotten)) from None
    except OSError as broken:
        raise damaged(broken) from None
