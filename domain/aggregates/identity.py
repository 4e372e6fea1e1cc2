"""The Identity aggregate: one person as one assigner knows them, under the local id it gave out.

I1  Traits are possible: a birth date between 1850 and today, a known sex code, at least one name; names are of letters,
    with what names have beside them. A local id has 1 to 256 characters, none of them a control character; where a
    person gives it, no blank at its ends and nothing that cannot be seen. A device's traits are cleaned instead.
I2  An assigner and local id are registered once; the same number with a name and birth date that cannot be the same
    person is another identity (``123#2``), flagged ``collision``; so is whoever can be any of several people
    who bear it, and, without the flag, whoever comes in under the number of an erased identity. What is received and
    was not known yet becomes known; above PROV it replaces nothing.
I3  A correction changes something. A change of a strict trait takes a qualified status back.
I4  Status is one of PROV, RECUP, VALI, QUAL: RECUP and QUAL need an INS, QUAL all strict traits and a matricule that is
    not in doubt (I11, I12); DOUT or FICT allow PROV only, and exclude each other.
I5  A matricule is well formed, its key fits, and its OID is one of INS.
I6  A flag is set once and cleared once.
I7  Nothing personal is added to an erased identity, and nobody says any more who else it is.
I8  The reference of an erasure or a legal hold stays readable: it is short, and holds no name, birth date or number of
    the person, their other identities, orders and exams included.
I9  An installation takes the matricules of production; one for tests, those of test and demonstration, and no others.
    One that a device sends and that is not taken, or was detached, is left out: ``ins_left_out`` flags the identity.
I10 Two matricules are the same only under one authority: matching compares them with their OIDs.
I11 Another matricule over the first takes back what rested on that: RECUP falls to PROV, QUAL to VALI; and the identity
    is flagged ``ins_replaced`` until a clerk clears it, or the matricule is detached. The first one that comes back is
    another, too; the same one again changes nothing. One that somebody detached and the establishment states again is
    flagged so, too; one that it detached itself is not, unless the flag stood.
I12 A matricule that contradicts the sex, or the year or month of birth, may be a parent's or a spouse's: the identity
    is flagged ``ins_doubtful`` until they agree, or a clerk clears it. What was cleared is asked afresh once the
    matricule, the sex or the birth date is another.
I13 Where an establishment gave up one of two numbers for the other, and then that one for the first, nothing flips: the
    identity of the number that was kept is flagged ``number_swapped``, and a human asks which is in use.
I14 An identity that holds two people is taken apart by its studies and orders: those named become a new identity's
    under the same number, flagged ``collision``, and the flags that told of two people are cleared.
I15 What is stated of the other person tells them from the identity as intake would; or nothing is stated yet.
I16 A split is taken back once: what it moved, and is still where it put it, is the first identity's again, and the
    flags are as they were. What was moved on or came in since stays; where nothing stays, nothing comes in under the
    new identity any more, what was stated of it is not known, and its establishment knows nobody by it.
I17 A split stands while something rests on it: the new identity is one person with a third, is barred from the first,
    was split itself, refuses or leaves out of a consent what the first does not, or its erasure is asked for or held.
I18 What protects a person protects both parts of an identity that is split, until a human says whose it is: what it
    refuses (what a consent leaves out, as an opposition to its party), its legal holds, and its flags DOUT, FICT and
    HOMA. Where it refuses or is held, both parts are flagged ``statements_of_two``. It ends for the new part as the
    split is taken back, where nothing stays there.
Source: RNIV 1 v2.0 (EXI SI 07, 08, 09); Référentiel INS v2.1.
"""

from dataclasses import replace
from datetime import date
from functools import lru_cache
from typing import Any
from uuid import UUID

from eventsourcing.domain import Aggregate, event

from domain.deferred import Deferred
from domain.errors import Erased, KeyMissing, NothingToCorrect, StatusNotAllowed
from domain.identity_flags import forcing_prov, refuse_clearing, refuse_setting
from domain.identity_status import STRICT, WITHOUT_INS, Status, left_under, refuse_status
from domain.ids import Ids
from domain.ins import qualified
from domain.ins_doubt import SAID, Stated, changes
from domain.retention import known_day
from domain.split_off import SplitOff, standing
from domain.worklist import INS_REPLACED, kind_of


class Identity(Aggregate):
    """One local identity. Its id derives from assigner and local id, so a second registration finds the first."""

    TOPIC = "identity"

    class Created(Aggregate.Created):
        TOPIC = "identity.created"

    class Registered(Created):
        TOPIC = "identity.registered"
        assigner: str
        local_id: str
        ordinal: int
        traits: dict[str, Any]
        source: str

    class TraitsCorrected(Aggregate.Event):
        TOPIC = "identity.traits_corrected"
        traits: dict[str, Any]
        changed: list[str]
        reason: str

    class StatusChanged(Aggregate.Event):
        TOPIC = "identity.status_changed"
        status: str
        reason: str

    class InsAttached(Aggregate.Event):
        TOPIC = "identity.ins_attached"
        matricule: str
        oid: str
        mode: str

    class InsDetached(Aggregate.Event):
        TOPIC = "identity.ins_detached"
        reason: str

    class Flagged(Aggregate.Event):
        TOPIC = "identity.flagged"
        flag: str
        reason: str

    class FlagCleared(Aggregate.Event):
        TOPIC = "identity.flag_cleared"
        flag: str
        reason: str

    class Seen(Aggregate.Event):
        TOPIC = "identity.seen"
        day: str

    class Postponed(Aggregate.Event):
        TOPIC = "identity.postponed"
        waits_as: str
        until: int | None
        reason: str

    class Assigned(Aggregate.Event):
        TOPIC = "identity.assigned"
        waits_as: str
        assigned_to: str | None
        reason: str

    class SplitOffEvent(Aggregate.Event):
        TOPIC = "identity.split_off"
        from_identity_id: UUID
        studies: list[str]
        orders: list[str]
        flags: list[str]
        reason: str
        carried_flags: list[str]
        marked: bool

    class SplitUndone(Aggregate.Event):
        TOPIC = "identity.split_undone"
        from_identity_id: UUID
        emptied: bool
        reason: str

    class ErasedEvent(Aggregate.Event):
        TOPIC = "identity.erased"
        reason: str

    @staticmethod
    @lru_cache(10_000)  # a command asks for it several times
    def create_id(ids: Ids, assigner: str, local_id: str, ordinal: int = 1) -> UUID:
        """The identity's id. ``ordinal`` counts the different persons found under one number, from 1."""
        return ids.of("identity", assigner, local_id, str(ordinal))

    @event(Registered)
    def __init__(
        self, id: UUID, assigner: str, local_id: str, ordinal: int, traits: dict[str, Any], source: str
    ) -> None:
        self.assigner = assigner
        self.local_id = local_id
        self.source = source
        self._know(traits)
        self.status = Status.PROV
        self.flags: set[str] = set()
        self.has_ins = False
        self.ins: str | None = None
        self.ins_mode: str | None = None
        self.detached_ins: set[str] = set()  # in doubt once a message states them again (I11)
        self.seen_on: date | None = None
        self.split: SplitOff | None = None
        self.split_undone = False
        self.emptied = False
        self.erased = False
        self.deferred: dict[str, Deferred] = {}  # by the kind for which it waits alone

    def correct(self, *, traits: dict[str, Any], reason: str) -> None:
        """Replace traits; a changed strict trait lowers the status.

        Raises NothingToCorrect (I3), Erased (I7), KeyMissing (K1).
        """
        self.refuse_if_erased()
        self.refuse_if_unreadable()
        changed = sorted(name for name in traits if traits[name] != self.traits.get(name))
        if not changed:
            raise NothingToCorrect(f"identity {self.id} has these traits already: nothing to do")
        before = self._stated()
        self._traits_corrected(traits=traits, changed=changed, reason=reason)
        if self.status is not Status.PROV and set(changed) & set(STRICT):
            self._status_changed(status=Status.PROV, reason="a strict trait was corrected")
        self._doubt_ins(before)

    @event(TraitsCorrected)
    def _traits_corrected(self, traits: dict[str, Any], changed: list[str], reason: str) -> None:
        self._know(traits)

    def _know(self, traits: dict[str, Any]) -> None:
        """Traits that were sealed are text where their key is gone: the person was erased, or the vault lost it."""
        self.readable = isinstance(traits, dict)
        self.traits = traits if self.readable else {}

    def set_status(self, *, status: Status, reason: str) -> None:
        """Change the reliability status. Raises StatusNotAllowed (I4)."""
        if status is self.status:
            raise StatusNotAllowed(f"identity {self.id} is {status} already: nothing to do")
        refuse_status(status, f"identity {self.id}", flags=self.flags, has_ins=self.has_ins, traits=self.traits)
        self._status_changed(status=status, reason=reason)

    @event(StatusChanged)
    def _status_changed(self, status: str, reason: str) -> None:
        self.status = Status(status)

    def attach_ins(self, *, matricule: str, oid: str, mode: str, looked_up: bool = True) -> None:
        """Attach the national identity, checked by ``domain.ins``, in place of another one (I11). ``looked_up``: by
        somebody, so that one that was detached is in no doubt.

        Raises StatusNotAllowed (I4), Erased (I7), KeyMissing (K1).
        """
        self.refuse_if_erased()
        self.refuse_if_unreadable()
        if bad := forcing_prov(self.flags):
            raise StatusNotAllowed(f"identity {self.id} is flagged {', '.join(bad)}: INS is not fetched for it")
        before = self._stated()
        if (before.ins, self.ins_mode) == (qualified(matricule, oid), mode):
            return
        self._ins_attached(matricule=matricule, oid=oid, mode=mode)
        self._doubt_ins(before._replace(detached=()) if looked_up else before)
        if before.ins not in (None, self.ins):
            self._lower_without_ins("another matricule was attached")

    @event(InsAttached)
    def _ins_attached(self, matricule: str, oid: str, mode: str) -> None:
        before, self.ins = self.ins, qualified(matricule, oid)
        if before not in (None, self.ins):
            self._ask_afresh(INS_REPLACED)  # also where the flag stands already
        self.has_ins = True
        self.ins_mode = mode
        self.detached_ins.discard(self.ins)

    def detach_ins(self, *, reason: str) -> None:
        """Remove the national identity; the status drops with it. Raises StatusNotAllowed (I4)."""
        if not self.has_ins:
            raise StatusNotAllowed(f"identity {self.id} has no INS: nothing to detach")
        before = self._stated()
        self._ins_detached(reason=reason)
        self._doubt_ins(before)
        self._lower_without_ins("the INS was detached")

    @event(InsDetached)
    def _ins_detached(self, reason: str) -> None:
        if self.ins and (reason != SAID or INS_REPLACED in self.flags):
            self.detached_ins.add(self.ins)
        self.has_ins = False
        self.ins = None
        self.ins_mode = None

    def _stated(self) -> Stated:
        return Stated(self.traits, self.ins, {*self.detached_ins})

    def _doubt_ins(self, before: Stated) -> None:
        """Set and clear the flags that say that the matricule is in doubt (I11, I12)."""
        for change in [*changes(self.flags, before, self._stated())]:
            if change.sets:
                self._flagged(flag=change.flag, reason=change.reason)
            else:
                self._flag_cleared(flag=change.flag, reason=change.reason)

    def _lower_without_ins(self, reason: str) -> None:
        """Take back what rested on a matricule that is another one now, or gone (I11)."""
        if self.status in WITHOUT_INS:
            self._status_changed(status=WITHOUT_INS[self.status], reason=reason)

    def flag(self, *, flag: str, reason: str) -> None:
        """Set a flag, and lower the status to what it allows. Raises FlagUnchanged (I6), StatusNotAllowed (I4)."""
        refuse_setting(flag, f"identity {self.id}", self.flags)
        self._flagged(flag=flag, reason=reason)
        if (left := left_under(self.status, (flag,))) is not self.status:
            self._status_changed(status=left, reason=f"flagged {flag}")

    @event(Flagged)
    def _flagged(self, flag: str, reason: str) -> None:
        self.flags.add(flag)
        self._ask_afresh(flag)

    def clear_flag(self, *, flag: str, reason: str) -> None:
        """Remove a flag. Raises FlagUnchanged (I6)."""
        refuse_clearing(flag, f"identity {self.id}", self.flags)
        self._flag_cleared(flag=flag, reason=reason)

    @event(FlagCleared)
    def _flag_cleared(self, flag: str, reason: str) -> None:
        self.flags.discard(flag)
        self._ask_afresh(flag)

    def _ask_afresh(self, flag: str) -> None:
        """What is decided or asked next ends that it was postponed, or given to a clerk (L10)."""
        if kind := kind_of(flag):
            self.deferred.pop(kind, None)

    def postpone(self, *, kind: str, until: int | None, reason: str) -> None:
        """Take what waits of it alone off the worklist until then, µs since 1970; None: it is back.

        Raises NothingToChange (L2).
        """
        self._deferred(kind).refuse_postponing(f"identity {self.id}", until)
        self._postponed(waits_as=kind, until=until, reason=reason)

    @event(Postponed)
    def _postponed(self, waits_as: str, until: int | None, reason: str) -> None:
        self.deferred[waits_as] = replace(self._deferred(waits_as), until=until)

    def assign(self, *, kind: str, assigned_to: str | None, reason: str) -> None:
        """Give what waits of it alone to a clerk; None: to nobody any more. Raises NothingToChange (L2)."""
        self._deferred(kind).refuse_assigning(f"identity {self.id}", assigned_to)
        self._assigned(waits_as=kind, assigned_to=assigned_to, reason=reason)

    @event(Assigned)
    def _assigned(self, waits_as: str, assigned_to: str | None, reason: str) -> None:
        self.deferred[waits_as] = replace(self._deferred(waits_as), assigned_to=assigned_to)

    def _deferred(self, kind: str) -> Deferred:
        return self.deferred.get(kind, Deferred())

    def see(self, day: date) -> None:
        """The person was there on a day; kept where no later one is known. Raises Erased (I7)."""
        self.refuse_if_erased()
        if self.seen_on is None or day > self.seen_on:
            self._seen(day=day.isoformat())

    @event(Seen)
    def _seen(self, day: str) -> None:
        self.seen_on = known_day(day) or self.seen_on  # no day can be read where the key is gone

    def split_off(self, *, split: SplitOff, reason: str) -> None:
        """Note whom it was taken out of, and with what (I14)."""
        moved = [str(one) for one in split.studies], [str(one) for one in split.orders]
        flags = [*split.flags], [*split.carried_flags]
        self._split_off(split.from_identity, *moved, flags[0], reason, flags[1], split.marked)

    @event(SplitOffEvent)
    def _split_off(
        self,
        from_identity_id: UUID,
        studies: list[str],
        orders: list[str],
        flags: list[str],
        reason: str,
        carried_flags: list[str],
        marked: bool,  # a field of the event
    ) -> None:
        moved = (*map(UUID, studies),), (*map(UUID, orders),)
        self.split = SplitOff(from_identity_id, *moved, (*flags,), (*carried_flags,), marked)

    def standing_split(self) -> SplitOff:
        """The split that made it, where nobody took that back. Raises NothingToUndo (I16)."""
        return standing(self.split, self.id, source=self.source, undone=self.split_undone)

    def undo_split(self, *, emptied: bool, reason: str) -> None:
        """Note that its split was taken back. ``emptied``: nothing is its own. Raises NothingToUndo (I16)."""
        self._split_undone(self.standing_split().from_identity, emptied, reason)

    @event(SplitUndone)
    def _split_undone(self, from_identity_id: UUID, emptied: bool, reason: str) -> None:
        self.split_undone = True
        self.emptied = emptied

    @property
    def is_closed(self) -> bool:
        """Whether nothing comes in under it any more: it was erased, or emptied as its split was taken back (I16)."""
        return self.erased or self.emptied

    def erase(self, *, reason: str) -> None:
        """Record that the person is erased: what was sealed under their key is unreadable. Raises Erased (I7).

        ``reason``: the ground, and its reference, which was checked when it was requested (I8).
        """
        self.refuse_if_erased()
        self._erased(reason=reason)

    @event(ErasedEvent)
    def _erased(self, reason: str) -> None:
        self.erased = True
        self.traits = {}
        self.ins = None
        self.detached_ins.clear()
        self.local_id = ""

    def refuse_if_erased(self) -> None:
        """Raises Erased (I7)."""
        if self.erased:
            raise Erased(f"identity {self.id} was erased: register the person under a new local id")

    def refuse_if_unreadable(self) -> None:
        """Nothing is decided by the traits of somebody whose key the vault lost. Raises KeyMissing (K1)."""
        if not self.readable and not self.erased:
            raise KeyMissing.of(self.id)
