"""Sends priors before an appointment: carries out what the policy ``priors`` decided, where the images are.

An entry of the outbox is held while its studies are sent, one entry at a time. Whatever this dies at, the entry is
there again: what was sent is sent again, and a receiver keeps an instance once. What did not reach it is tried again
later, and parked in the end (``adapters.outbox``). Each study is decided on for the receiver, and on record, before it
is sent; and looked at again while it is.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import Final
from uuid import UUID

from adapters.archive.archive import Archive
from adapters.outbox.outbox import Claim, Entry, Outbox
from adapters.retrieval.giving import WARNING, Watch
from adapters.retrieval.instances import Instance, instances_of
from adapters.retrieval.levels import Level, Wanted
from adapters.retrieval.port import Asker, Places
from adapters.retrieval.targets import Ended, NotSent, Other
from domain.aggregates.establishment import Establishment
from domain.aggregates.order import Order
from domain.times import micros
from domain.work import Work
from krypton.bootstrap import Krypton
from krypton.policies.each import AWAY
from krypton.queries.gate import ViewRefused
from krypton.services.dicom_shelf import LedgerShelf
from policies.policy import Kind
from policies.priors import SEND, SERVICE, Priors
from streams.broker.backoff import Backoff

log = logging.getLogger(__name__)

MOST: Final = 10
"""Studies before one appointment: the newest of other establishments."""
IDLE_S: Final = 1.0
HOLD_S: Final = 5.0
"""How often the outbox is told that its entry is still being carried out."""
SENT: Final = "sent"


class NotAll(Exception):
    """Some instances did not reach the receiver."""


@dataclass
class PriorsSender:
    """Call ``start``, then ``stop``. ``ae_title``: its own."""

    ours: Krypton
    shelf: LedgerShelf
    archive: Archive
    places: Places
    ae_title: str
    _stopping: Event = field(default_factory=Event)
    _held_at: float = 0.0

    def start(self) -> None:
        """Begin."""
        self._thread = Thread(target=self._run, name="priors", daemon=True)
        self._thread.start()

    def stop(self, grace_s: float = 5.0) -> None:
        """Let go of what is being sent: it is sent again after the next start."""
        self._stopping.set()
        self._thread.join(grace_s)

    def _run(self) -> None:
        outbox, backoff = Outbox(self.ours.addresses.database, Priors.name), Backoff(self._stopping)
        while not self._stopping.is_set():
            try:
                worked = self.once(outbox)
            except Ended:
                break
            except Exception as away:  # the database, or a defect: the next time is about the same entries
                backoff.wait(f"priors: waiting for the database ({type(away).__name__})")
                continue
            backoff.reset()
            if not worked:
                self._stopping.wait(IDLE_S)
        outbox.close()

    def once(self, outbox: Outbox) -> bool:
        """Carry out the next entry that is due; whether there was one. Raises one of ``AWAY``."""
        with outbox.claim(Kind.LOOKUP, micros(self.ours.ledger.clock()), 1, SEND) as claim:
            for entry in claim.entries:
                try:
                    self._carry_out(claim, entry)
                except ViewRefused as refused:
                    claim.refused(entry, refused.rule)
                except (*AWAY, Ended):
                    raise
                except Exception as wrong:  # a defect of one must not hold the others up
                    self._failed(claim, entry, type(wrong).__name__)
            return bool(claim.entries)

    def _carry_out(self, claim: Claim, entry: Entry) -> None:
        """Raises NotAll, ViewRefused."""
        receiver = self._receiver(entry)
        if receiver is None:
            claim.became(entry, ())
            return
        identity, title = receiver
        asker = Asker(title, entry.body["site"], "PRIORS")
        watch = Watch(self.shelf, asker, identity)
        studies = watch.open(self._uids(asker, identity))
        found, _ = instances_of(self.archive, studies, Wanted(Level.STUDY, None, ()))
        self._send(claim, watch, found)
        claim.done(entry, (), SENT if found else "")

    def _receiver(self, entry: Entry) -> tuple[str, str] | None:
        """Whose priors go to which application; None: to none, or not any more."""
        work, body = Work(self.ours.ledger), entry.body
        order = work.find(Order, UUID(body["order"]))
        site = work.find(Establishment, Establishment.create_id(body["site"]))
        if order is None or site is None or SERVICE not in site.services:
            return None
        if order.appointment != (body["site"], body["at"]) or not order.is_open_at(body["site"]):
            return None
        pacs = [title for title, kind in site.kinds.items() if kind == "pacs" and title in site.addresses]
        return (str(order.identity_id), pacs[0]) if pacs else None

    def _uids(self, asker: Asker, identity: str) -> Sequence[str]:
        """The newest studies that others made. Raises ViewRefused."""
        elsewhere = [study for study in self.shelf.of_person(asker, identity) if study["site"] != asker.site]
        return list(dict.fromkeys(study["study_uid"] for study in elsewhere))[:MOST]

    def _send(self, claim: Claim, watch: Watch, found: Sequence[Instance]) -> None:
        """Raises NotAll."""
        callee = self.places.callee(watch.asker.site, watch.asker.ae_title)
        if callee is None or not found:
            return
        target = Other(callee, self.ae_title, found, stopping=self._stopping.is_set)
        missing = 0
        try:
            for instance in found:
                missing += not self._sent(claim, watch, target, instance)
        finally:
            target.close()
        if missing:
            raise NotAll

    def _sent(self, claim: Claim, watch: Watch, target: Other, instance: Instance) -> bool:
        """Whether it reached the receiver; one that may not be seen any more is not sent, and not missed."""

        def between() -> None:
            self._hold(claim)
            watch.look(instance.study)

        try:
            status = target.send(instance, between)
        except NotSent as why:
            log.warning("prior %s was not sent to %s: %s", instance.sop_uid, watch.asker.ae_title, why)
            return False
        except Ended:
            if self._stopping.is_set():
                raise
            return True
        return status == 0 or status >> 12 == WARNING

    def _hold(self, claim: Claim) -> None:
        """Say that this goes on. Raises Ended where the service stops."""
        if self._stopping.is_set():
            raise Ended
        if time.monotonic() - self._held_at > HOLD_S:
            claim.hold()
            self._held_at = time.monotonic()

    @staticmethod
    def _failed(claim: Claim, entry: Entry, code: str) -> None:
        if claim.failed(entry, code):
            log.error("priors %s failed for the last time and are parked (%s): krypton policies parked", entry.id, code)
        else:
            log.warning("priors %s failed and are tried again later (%s)", entry.id, code)
