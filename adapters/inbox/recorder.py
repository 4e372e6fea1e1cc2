"""Records closed batches from the spool in the ledger, exactly once despite crashes.

Every crash is covered by the spool's invariant (``spool.py``). The order here: the batch's file (which pending
items it is made of), the command, the claims made durable, the pending names removed, the file removed. After a
restart ``recover`` finishes what was begun, first refusals, then batches under their own command id, then what was
stored and never asked.
"""

import json
import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, Protocol
from uuid import UUID

from adapters.durable import OWNER_ONLY, sync, write
from adapters.inbox.abandoned import sweep
from adapters.inbox.batches import Batch, Batches, I, Limits, OpenBatch
from adapters.inbox.desk import Desk
from adapters.inbox.filed import file_under
from adapters.inbox.refusal import Refused
from adapters.inbox.spool import Name
from adapters.inbox.whose import list_refused
from domain.errors import NotFound, RuleBroken
from domain.ports import Answer
from domain.work import A, Command, Envelope

log = logging.getLogger(__name__)

REASON = "reason.json"


class Executes(Protocol):
    """The part of the ledger needed here."""

    def execute(self, command: Command, by: Envelope) -> Answer:
        """Run a command once per command id. Raises RuleBroken, NotFound; any other error may be retried."""

    def find(self, cls: type[A], aggregate_id: UUID) -> A | None:
        """One aggregate, to look at."""


@dataclass(frozen=True)
class Outcome:
    """The result of a batch: the ledger's answer and positions, or the reason of a refusal."""

    batch: Batch
    result: dict[str, Any]
    refusal: str | None = None
    positions: tuple[int, ...] = ()


class Inlet(Protocol[I]):
    """What is taken in here, as far as the recorder must know: after a crash, items are read again and gathered."""

    def read_back(self, desk: Desk, name: Name) -> I:
        """An item that was kept before. Raises Refused, OSError."""

    def begin(self, item: I) -> OpenBatch[I]:
        """An empty batch for items of that one's key."""

    def owner(self, result: Mapping[str, Any]) -> str | None:
        """The uuid of what the items of a batch were recorded for, by the ledger's answer; None: of nothing."""

    def erased(self, ledger: Executes, result: Mapping[str, Any]) -> bool:
        """Whether the person was erased whose items these are, by the ledger's answer."""


class Recorder(Generic[I]):
    """Asks the ledger about closed batches of one desk; ``correlation``: the request that brings them, if one does."""

    def __init__(self, desk: Desk, ledger: Executes, inlet: Inlet[I], correlation: UUID | None = None) -> None:
        self.desk = desk
        self._inlet = inlet
        self._ledger = ledger
        self._correlation = correlation

    def record(self, batch: Batch) -> Outcome:
        """Run the command, once for all time, and settle. Any error except a refusal leaves the batch for a retry."""
        self._write_ahead(batch)
        try:
            by = Envelope(batch.actor, batch.command_id, self._correlation, of_content=True)
            answer = self._ledger.execute(batch.command, by)
        except (RuleBroken, NotFound) as refusal:
            reason = f"{refusal} ({refusal.rule})" if isinstance(refusal, RuleBroken) else str(refusal)
            self._refuse(batch, reason)
            return Outcome(batch, {}, reason)
        self.desk.step("executed")
        if answer.repeated and self._inlet.erased(self._ledger, answer.result):
            return self._keep_nothing(batch)
        self._file_under(batch, answer.result)
        self.desk.release(batch.names)
        self._forget(batch.command_id)
        return Outcome(batch, dict(answer.result), positions=answer.positions)

    def _keep_nothing(self, batch: Batch) -> Outcome:
        """The same batch again of a person who was erased since: it is no new fact, and nothing of it comes back."""
        reason = "the person was erased since these items were recorded: they are not kept"
        self._give_up(batch.names)
        self._forget(batch.command_id)
        log.warning("batch %s of %s: %s", batch.command_id, batch.actor, reason)
        return Outcome(batch, {}, reason)

    def _file_under(self, batch: Batch, result: Mapping[str, Any]) -> None:
        """List the items where an erasure finds them: what came second by its command, which the conflict tells."""
        claimed = set(self.desk.claimed(batch.names))
        if owner := self._inlet.owner(result):
            file_under(self.desk.spool, owner, sorted(claimed))
        if len(claimed) < len(batch.names):
            file_under(self.desk.spool, str(batch.command_id), self.desk.seconds(batch.names, claimed))
        self.desk.step("filed")

    def _file(self, command_id: UUID) -> Path:
        return self.desk.folder / "batches" / f"{command_id}.json"

    def _write_ahead(self, batch: Batch) -> None:
        """Once: the time of the file says when the batch was begun, however often it is tried (``filed.in_hand``)."""
        self.desk.settle(batch.names)
        names = [list(name) for name in batch.names]
        file, content = self._file(batch.command_id), json.dumps({"names": names}).encode()
        if not (file.exists() and file.read_bytes() == content):
            write(file, content, OWNER_ONLY)
        self.desk.step("written ahead")

    def _forget(self, command_id: UUID) -> None:
        self._file(command_id).unlink(missing_ok=True)
        self.desk.step("forgotten")

    def _refuse(self, batch: Batch, reason: str) -> None:
        folder = self.desk.spool.refused / str(batch.command_id)
        folder.mkdir(parents=True, exist_ok=True)
        for name in batch.names:
            item, claim = self.desk.where(name), self.desk.spool.claim(name.site, name.uid)
            beside = "" if claim.exists() and claim.samefile(item) else f"_{name.digest}"  # a second of that uid
            target = folder / f"{name.uid}{beside}{self.desk.spool.form.suffix}"
            target.unlink(missing_ok=True)  # of the same batch, sent and refused before
            os.link(item, target)
        names = [list(name) for name in batch.names]
        body = {"site": batch.site, "actor": batch.actor, "reason": reason, "names": names}
        sync(folder.parent, folder.parent.parent)
        list_refused(self.desk.spool, str(batch.command_id), batch.borne)
        write(folder / REASON, json.dumps(body).encode(), OWNER_ONLY)
        self.desk.step("refused")
        self._give_up(batch.names)
        self._forget(batch.command_id)
        log.warning("batch %s of %s was refused: %s", batch.command_id, batch.actor, reason)

    def _give_up(self, names: tuple[Name, ...]) -> None:
        """Refused items hold no claim: they may be sent again."""
        for name in names:
            pending, claim = self.desk.path(name), self.desk.spool.claim(name.site, name.uid)
            if pending.exists():
                if claim.exists() and claim.samefile(pending):
                    claim.unlink()
                pending.unlink()
        self.desk.step("given up")
        sync(*{self.desk.path(name).parent for name in names})

    def recover(self) -> Iterator[Batch]:
        """After a crash: the batches to record, each exactly once."""
        waiting = {UUID(file.stem): _names(file) for file in (self.desk.folder / "batches").glob("*.json")}
        for command_id in [c for c, names in waiting.items() if self._was_refused(c, names)]:
            self._give_up(waiting.pop(command_id))
            self._forget(command_id)
        sweep(self.desk)
        asked = {name for names in waiting.values() for name in names}
        yield from self._begun(waiting)
        yield from self._never_asked(asked)

    def _begun(self, waiting: dict[UUID, tuple[Name, ...]]) -> Iterator[Batch]:
        """One batch for each that was written ahead, whatever is read of its items today."""
        for command_id, names in waiting.items():
            if items := list(self._held(names)):
                batch = self._inlet.begin(items[0])
                for item in items:
                    batch.add(item)
                yield replace(batch.close(), command_id=command_id, names=names)

    def _never_asked(self, asked: set[Name]) -> Iterator[Batch]:
        """Batches of what is pending and in no batch's file, bounded as when they are received."""
        batches = Batches(self._inlet.begin, Limits())
        for item in self._held(name for name in self.desk.pending() if name not in asked):
            yield from batches.add(item, feeder=None, now=0.0)
        yield from batches.close_all()

    def _was_refused(self, command_id: UUID, names: tuple[Name, ...]) -> bool:
        reason = self.desk.spool.refused / str(command_id) / REASON
        return reason.exists() and _names(reason) == names

    def _held(self, names: Iterable[Name]) -> Iterator[I]:
        for name in names:
            try:
                yield self._inlet.read_back(self.desk, name)
            except (Refused, OSError) as broken:  # it was read once: the disk has changed it
                log.error("item %s of %s cannot be read any more: %s", name.uid, name.site, broken)


def _names(file: Path) -> tuple[Name, ...]:
    return tuple(Name(*name) for name in json.loads(file.read_text())["names"])
