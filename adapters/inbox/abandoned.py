"""Desks that dead processes left: each is taken over, and brought to where its process would have left it."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from adapters.inbox.blanks import blanks_in
from adapters.inbox.desk import Desk, Step, no_step
from adapters.inbox.linked import VolumeAway
from adapters.inbox.spool import Name, Spool


def abandoned(spool: Spool, step: Step = no_step) -> Iterator[Desk]:
    """Desks of dead processes, each taken over."""
    for folder in sorted((spool.root / "work").glob("*")):
        desk = Desk(spool, folder, step)
        if desk.take():
            yield desk


def sweep(desk: Desk) -> None:
    """After a crash: claim what was not claimed, and delete partial files, which were never acknowledged."""
    for partial in desk.scratch.glob("*"):
        partial.unlink()
    for blank in list(blanks_in(desk.folder / "pending")):
        _unveil(desk.spool, blank)
    for name in list(desk.pending()):
        pending, claim = desk.path(name), desk.spool.claim(name.site, name.uid)
        if claim.exists() and claim.samefile(pending):
            continue
        if desk.spool.form.digest(pending) == name.digest:
            with suppress(VolumeAway):  # it stays pending
                desk.claim(name)
        else:
            pending.unlink()


def _unveil(spool: Spool, blank: Path) -> None:
    """Give a blank that holds a whole item its pending name; delete any other."""
    stated = spool.form.seal(blank)
    if stated and spool.form.digest(blank) == stated[1]:
        new = Name.new("", "", uid=stated[0], digest=stated[1])
        blank.rename(blank.parent / new.file)
    else:
        blank.unlink()
