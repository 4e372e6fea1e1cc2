"""Runs the policies as a process: for each a stream processor and a sender, as threads.

Lookups that take as long as what they lead to have a thread of their own, and so have deliveries to receivers that may
be slow. All are threads of one process: what was folded is sent at once. A thread that cannot go on ends the process,
and the supervisor starts it again.
"""

import logging
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import Final

from adapters.notices.folder import NoticeFolder
from adapters.notices.http import NoticeEndpoint
from adapters.notices.signature import key_of
from adapters.outbox.outbox import Outbox
from domain.notices import Notice, Notices
from krypton import setting_values as values
from krypton.bootstrap import Krypton, genuine
from krypton.erasing import follow
from krypton.errors import SettingsWrong
from krypton.mail import mail
from krypton.policies import shared, wanted
from krypton.policies.at_once import AtOnce
from krypton.policies.deliverer import Deliverer
from krypton.policies.each import reachable
from krypton.policies.fold import PolicyFold, no_step
from krypton.policies.looker import Ahead, Looker, Lookup
from krypton.policies.match import Match
from krypton.policies.sender import Sender
from krypton.policies.settled import known_policy
from krypton.settings import Settings
from policies.alerts import MAIL
from policies.all import POLICIES
from policies.matching import LOOKUP
from projections.engine.parked import DeadLetter
from projections.engine.store import ViewStore
from schemas.codec import Codec
from schemas.event import Record
from schemas.registry import registry
from streams.processor import processor
from streams.relay.outgoing import NoKeys

log = logging.getLogger(__name__)
KEY_FILE: Final = "KRYPTON_NOTICES_KEY_FILE"
REST_S: Final = 0.05
"""Seconds after each fetch of a policy's fold that had few events: what they lead to has longer breaks."""
LOOKED_BESIDE: Final = frozenset({"matching"})
"""Policies whose lookups are made while commands are executed: each takes about as long."""
DELIVERED_BESIDE: Final = frozenset({"alerts"})
"""Policies whose notices are delivered while commands are executed: a mail server may think for ten minutes."""
SWITCH_S: Final = 0.0005
"""For how long one thread computes while another one has the database's answer: Python's own 5 ms are longer than most
answers take, and a batch waits for some thirty.
"""
Step = Callable[[str], None]


class Woken:
    """``streams.processor.view.View``: the policy's store, which wakes who waits after each batch."""

    def __init__(self, store: ViewStore, wake: Callable[[], None], step: Step) -> None:
        self.name, self.version, self.topics = store.name, store.version, store.topics
        self._store = store
        self._wake = wake
        self._step = step

    def positions(self) -> Mapping[tuple[str, int], int]:
        """See ``View``."""
        return self._store.positions()

    def apply(self, batch: Sequence[Record]) -> int:
        """See ``View``."""
        new = self._store.apply(batch)
        self._step("stored")
        self._wake()
        return new

    def unpublished(self, limit: int) -> Sequence[DeadLetter]:
        """See ``View``."""
        return self._store.unpublished(limit)

    def published(self, ids: Sequence[int]) -> None:
        """See ``View``."""
        self._store.published(ids)


def store(ours: Krypton, name: str, step: Step = no_step) -> ViewStore:
    """The store of a policy. It has no access to the vault: sealed fields stay sealed.

    Events need not come in turn: what a policy decides about one depends on that one alone, and has an id of its own.
    """
    codec = Codec(registry(), NoKeys())
    return ViewStore(PolicyFold(POLICIES[name], step), codec, ours.addresses.database, genuine(), in_turn=False)


def sender(
    ours: Krypton, name: str, step: Step = no_step, ahead: Ahead | None = None, *, delivers: bool = True
) -> Sender:
    """The sender of a policy's outbox; its lookups are its own, or made beside it, no further ``ahead``, and so are its
    deliveries.
    """
    outbox = Outbox(ours.addresses.database, name)
    ledger = ours.ledger
    return Sender(
        outbox,
        ledger.execute_many,
        ledger.clock,
        policy=POLICIES[name],
        lookups={} if ahead else _lookups(ours, name, step),
        deliverer=Deliverer(outbox, notices(ours), ledger.clock, step) if delivers else None,
        reachable=lambda: reachable(ours),
        head=lambda: ledger.recorder.max_notification_id() or 0,
        step=step,
        ahead=ahead,
    )


def deliverer(ours: Krypton, name: str, step: Step = no_step) -> Deliverer:
    """Who delivers a policy's notices beside its sender."""
    return Deliverer(Outbox(ours.addresses.database, name), notices(ours), ours.ledger.clock, step)


def looker(ours: Krypton, name: str, step: Step = no_step) -> Looker:
    """Who makes a policy's lookups beside its sender."""
    outbox, lookups = Outbox(ours.addresses.database, name), _lookups(ours, name, step)
    match = lookups.get(LOOKUP)
    at_once = AtOnce(ours, match) if isinstance(match, Match) else None
    return Looker(outbox, lookups, ours.ledger.clock, lambda: reachable(ours), step, at_once)


def notices(ours: Krypton) -> Notices:
    """Where notices go: by mail, or to a URL, where one is set, else to a folder. Raises SettingsWrong."""
    return ByName(_elsewhere(ours.settings), mail(ours.settings))


def _elsewhere(settings: Settings) -> Notices:
    if not settings.notices_url:
        return NoticeFolder(settings.notices)
    return NoticeEndpoint(settings.notices_url, key=_key(settings.notices_key_file))


def _key(file: Path | None) -> bytes | None:
    if file is None:
        return None
    text = values.key(file, KEY_FILE)
    try:
        return key_of(text)
    except ValueError as wrong:
        raise SettingsWrong(f"{KEY_FILE}: {file} must hold a key: {wrong}") from None


class ByName:
    """``domain.ports.Notices``: those that go by mail, and all others."""

    def __init__(self, others: Notices, mail: Notices) -> None:
        self._others, self._mail = others, mail

    def deliver(self, notice: Notice) -> None:
        """See ``Notices``."""
        (self._mail if notice.name.startswith(MAIL) else self._others).deliver(notice)


def run(ours: Krypton, names: Sequence[str], stop: Event, step: Step = no_step) -> None:
    """Run these policies, or all, until ``stop`` is set. Raises NotFound."""
    for name in names:
        known_policy(name)
    threads = [thread for name in names or POLICIES for thread in _threads(ours, name, stop, step)]
    sys.setswitchinterval(SWITCH_S)
    for thread in threads:
        thread.start()
    stop.wait()
    for thread in threads:
        thread.join()


def _threads(ours: Krypton, name: str, stop: Event, step: Step) -> list[Thread]:
    wake, beside = Event(), Event()

    def woken() -> None:
        wake.set()
        beside.set()

    ahead, delivers = Ahead(wake.set) if name in LOOKED_BESIDE else None, name not in DELIVERED_BESIDE
    view = Woken(store(ours, name, step), woken, step)
    sending = sender(ours, name, step, ahead, delivers=delivers)
    batch = ours.settings.worker_batch

    def fold() -> None:
        processor.run(view, kafka=ours.addresses.kafka, stop=stop, batch=batch, rest_s=REST_S)
        woken()

    threads = [_thread(f"{name} fold", fold), _thread(f"{name} sender", lambda: sending.run(stop, wake))]
    if ahead:
        threads.append(_thread(f"{name} lookups", partial(looker(ours, name, step).run, stop, beside, ahead)))
    if not delivers:
        threads.append(_thread(f"{name} deliveries", partial(deliverer(ours, name, step).run, stop, beside)))
    return threads


def _thread(name: str, target: Callable[[], None]) -> Thread:
    def guarded() -> None:
        try:
            target()
        except Exception as wrong:
            places = "".join(traceback.format_tb(wrong.__traceback__))  # a message may quote a row
            log.error("%s: ending after %s in\n%s", name, type(wrong).__name__, places)
            os._exit(processor.EXIT_BROKEN)

    return Thread(target=guarded, name=name, daemon=True)


def _lookups(ours: Krypton, name: str, step: Step) -> Mapping[str, Lookup]:
    if name == "matching":
        return {LOOKUP: Match(ours)}
    if name == "erasure":
        return follow.lookups(ours, step)
    if name == "priors":
        return wanted.lookups(ours)
    return shared.lookups(ours) if name == "sharing" else {}
