"""Where sub-operations go: the association of who asks (C-GET), or one to the destination that it names (C-MOVE)."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Protocol

from adapters.dicom.network.contexts import EXPLICIT, IMPLICIT, UNCOMPRESSED
from adapters.dicom.network.dialogue import Dialogue
from adapters.dicom.network.outgoing import Source
from adapters.dicom.network.pdu import Malformed, Negotiated, Proposed
from adapters.dicom.network.requestor import MOST_CONTEXTS, Callee, NotAssociated, Requestor
from adapters.dicom.network.talk import CutOff, Released
from adapters.dicom.network.wire import Gone, Late
from adapters.dicom.refusal import Unreadable
from adapters.retrieval.instances import Between, Fit, Instance, NoSyntax, chosen, fit, opened

log = logging.getLogger(__name__)

NO_SYNTAX: Final = "it is taken in no syntax that it can be given in"
UNREADABLE: Final = "it cannot be read"
BROKEN: Final = "the destination broke off"
MOST_TRIES: Final = 3
"""Associations to a destination that end one after the other before nothing more is tried."""


class NotSent(Exception):
    """An instance that did not reach the receiver; the message says why, and names nobody."""


class Ended(Exception):
    """What is given out may not be given out any more."""


class Target(Protocol):
    """A receiver of instances."""

    def send(self, instance: Instance, between: Between) -> int:
        """Send it; the status of its answer. Raises NotSent; what ``between`` raises; CutOff: nothing more can be sent
        to whom asks.
        """

    def close(self) -> None:
        """Nothing more is sent."""


@dataclass
class Own:
    """The association of who asks."""

    dialogue: Dialogue

    def send(self, instance: Instance, between: Between) -> int:
        """See ``Target``. What is cut off in the middle cannot be taken back: the association ends."""
        try:
            context = chosen(instance, self._contexts)
            with opened(instance, context.transfer) as source:
                return self._sent(context, instance, source, between)
        except NoSyntax:
            raise NotSent(NO_SYNTAX) from None
        except (Unreadable, OSError):
            raise NotSent(UNREADABLE) from None

    def _sent(self, context: Negotiated, instance: Instance, source: Source, between: Between) -> int:
        try:
            return self.dialogue.store(context, instance.sop_class, instance.sop_uid, source, between)
        except (Gone, Late, Malformed, Released):
            raise
        except Exception as broken:  # whatever it was: no answer has a place within a data set
            if not isinstance(broken, Ended):
                log.error("an instance was cut off (%s)", type(broken).__name__)
            raise CutOff from None

    @cached_property
    def _contexts(self) -> Fit:
        agreed = self.dialogue.agreed
        takes = {name for name, roles in agreed.roles.items() if roles.provider}
        return fit(one for one in agreed.accepted.values() if one.abstract in takes)

    def close(self) -> None:
        """See ``Target``: the association goes on."""


@dataclass
class Other:
    """An association to a destination, opened when it is needed, and again where it broke off. ``all_of``: what is
    sent, in turn: contexts are proposed for as many as there is room for.
    """

    callee: Callee
    calling: str
    all_of: Sequence[Instance]
    originator: tuple[str, int] | None = None
    stopping: Callable[[], bool] = lambda: False
    _open: Requestor | None = None
    _contexts: Fit = field(default_factory=dict)
    _proposed: frozenset[tuple[str, str]] = field(default_factory=frozenset)
    _sent: int = 0
    _failures: int = 0

    def send(self, instance: Instance, between: Between) -> int:
        """See ``Target``."""
        place, self._sent = self._sent, self._sent + 1
        try:
            association = self._association(place)
            context = chosen(instance, self._contexts)
            with opened(instance, context.transfer) as source:
                status = association.store(
                    context, instance.sop_class, instance.sop_uid, source, between, self.originator
                )
            self._failures = 0
            return status
        except NotAssociated as away:
            self._failures = MOST_TRIES
            raise NotSent(f"the destination cannot be reached: {away}") from None
        except NoSyntax:
            raise NotSent(NO_SYNTAX) from None
        except (Gone, Late, Malformed):
            self._failures += 1
            self._abort()
            raise NotSent(BROKEN) from None
        except (Unreadable, OSError):
            self._abort()
            raise NotSent(UNREADABLE) from None
        except BaseException:
            self._abort()
            raise

    def _association(self, place: int) -> Requestor:
        """Raises NotAssociated."""
        instance = self.all_of[place]
        if self._open and (instance.sop_class, instance.syntax) in self._proposed:
            return self._open
        if self._failures >= MOST_TRIES:
            raise NotAssociated("it was tried")
        self.close()
        contexts, self._proposed = proposals(self.all_of[place:])
        self._open = Requestor.associate(self.callee, self.calling, contexts, stopping=self.stopping)
        self._contexts = fit(self._open.contexts)
        return self._open

    def _abort(self) -> None:
        if self._open:
            self._open.abort()
        self._open = None

    def close(self) -> None:
        """See ``Target``."""
        if self._open:
            self._open.release()
        self._open = None


def proposals(instances: Sequence[Instance]) -> tuple[list[Proposed], frozenset[tuple[str, str]]]:
    """Contexts for as many of the instances, from the first on, as there is room for, and which classes and syntaxes
    these are: each as it is stored by itself, so that the receiver chooses none, and one more that is not compressed.
    """
    wanted: dict[tuple[str, tuple[str, ...]], None] = {}
    covered = set[tuple[str, str]]()
    for instance in instances:
        pair = instance.sop_class, instance.syntax
        if pair in covered:
            continue
        more: dict[tuple[str, tuple[str, ...]], None] = {(instance.sop_class, (instance.syntax,)): None}
        if instance.syntax in UNCOMPRESSED:
            more |= {(instance.sop_class, (syntax,)): None for syntax in (EXPLICIT, IMPLICIT)}
        if len(wanted | more) > MOST_CONTEXTS:
            break
        wanted |= more
        covered.add(pair)
    contexts = [Proposed(2 * place + 1, abstract, transfers) for place, (abstract, transfers) in enumerate(wanted)]
    return contexts, frozenset(covered)
