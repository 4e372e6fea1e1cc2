"""Whose a received study is: the identity that the sender's patient is, or becomes where nobody bears the number."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from domain.aggregates.identity import Identity
from domain.commands.directory import is_enrolled
from domain.commands.meant import can_be_of, meant_of, told_apart, was_told_the_same
from domain.errors import BadIns, NothingNew, OtherAuthority, UnknownSite
from domain.identity_flags import forcing_prov
from domain.identity_status import Status
from domain.ins import Authorities, matricule, qualified
from domain.same_number import Traits, completed, names_agree
from domain.traits import received_traits, refuse_odd_id
from domain.unlike import in_words, unlike
from domain.work import Work

MOST_COLLISIONS = 100
LEFT_OUT = "ins_left_out"
OF_EITHER = "the number is of several people, and which of them came in is not told"


@dataclass(frozen=True, kw_only=True)
class ReceivedPatient:
    """The person as the sender wrote them. ``issuer``: Issuer of Patient ID, where present.

    ``ins``, ``ins_oid``: the national health identity sent with them. Where it is all that was sent, it is the local id
    too, and the authority of INS its issuer.
    """

    local_id: str
    issuer: str | None
    stated: dict[str, str | None]
    ins: str | None = None
    ins_oid: str | None = None


def identity_for(
    work: Work, site: str, patient: ReceivedPatient, study_uid: str, named: Identity | None = None
) -> Identity:
    """The identity of the person of a received study: the site's, unless the issuer is an enrolled establishment.

    The same number with a name and birth date that cannot be the same person is a distinct identity, flagged
    ``collision`` (I2), and so is whoever can be any of several people who bear it. Nothing is added to an erased
    identity, nor to one whose split was taken back (I16): a later person under its number is a separate identity,
    without a collision where nobody else bears it. ``named``: of whom it was said before that it names them.

    Raises UnknownSite (S1), BadTraits (I1: the local id), KeyMissing (K1), NothingNew.
    """
    if not is_enrolled(work, site):
        raise UnknownSite(f"no establishment {site} is enrolled: krypton site enroll {site} --name …")
    refuse_odd_id(patient.local_id)
    stated = received_traits(work.now, **patient.stated)
    known = named if named and can_be_of(named, stated) else _meant(work, site, patient, stated, study_uid)
    if known:
        _learn(known, stated)
    else:
        known = registered_beside(work, site, patient)
    _attach_ins(known, patient, work.authorities)
    return known


def under_number(work: Work, site: str, patient: ReceivedPatient) -> Iterator[Identity]:
    """The identities that bear a received number, in the order in which they were registered."""
    assigner = _assigner(work, site, patient)
    for ordinal in range(1, MOST_COLLISIONS):
        known = work.find(Identity, Identity.create_id(work.ids, assigner, patient.local_id, ordinal))
        if known is None:
            return
        yield known


def meant_by(work: Work, site: str, patient: ReceivedPatient, study_uid: str | None = None) -> Identity | None:
    """Who bears a received number and is meant, as ``meant_of`` says; nothing is learned of them. ``study_uid``: of the
    study that came in.
    """
    return _meant(work, site, patient, received_traits(work.now, **patient.stated), study_uid)


def _meant(work: Work, site: str, patient: ReceivedPatient, stated: Traits, study_uid: str | None) -> Identity | None:
    bearers = under_number(work, site, patient)
    first = next(bearers, None)
    if first is None or was_told_the_same(first, stated):  # the usual case: nobody else is looked up
        return first
    return meant_of(work, [first, *bearers], stated, ins=_sent_ins(patient, work.authorities), study_uid=study_uid)


def registered_beside(work: Work, site: str, patient: ReceivedPatient) -> Identity:
    """A new identity under a received number, beside all that bear it. Raises NothingNew where too many do."""
    stated, others = received_traits(work.now, **patient.stated), list(under_number(work, site, patient))
    assigner = _assigner(work, site, patient)
    if len(others) == MOST_COLLISIONS - 1:
        raise NothingNew(
            f"{assigner} has {MOST_COLLISIONS} persons under one number: ask the site to correct its numbering"
        )
    return _registered(work, assigner, patient.local_id, stated, others)


def named_by(work: Work, site: str, patient: ReceivedPatient, study_uid: str) -> Identity:
    """Whom something of a study names that was put aside; registered if nobody bears the number who is meant.

    What it says is sealed under their key: no later person under the number may come to share that.
    """
    return meant_by(work, site, patient, study_uid) or registered_beside(work, site, patient)


def is_only_of(work: Work, site: str, patient: ReceivedPatient, erased: Collection[str]) -> bool:
    """Whether what was received is of one of these erased identities: one bears its number, and nobody living who
    bears it too can be meant.
    """
    under = list(under_number(work, site, patient))
    if not any(str(one.id) in erased for one in under):
        return False
    stated = received_traits(work.now, **patient.stated)
    living = (one for one in under if not one.erased and str(one.id) not in erased)
    return not any(not one.readable or can_be_of(one, stated) for one in living)


def _assigner(work: Work, site: str, patient: ReceivedPatient) -> str:
    """Who gave out a received number: its issuer, where that is an establishment or an authority of INS."""
    issuer = patient.issuer
    known = issuer and (issuer in work.authorities.names.values() or is_enrolled(work, issuer))
    return issuer if issuer and known else site


def _attach_ins(identity: Identity, patient: ReceivedPatient, authorities: Authorities) -> None:
    """The INS that was received with a person, unless the identity is flagged as doubtful or fictitious.

    One that cannot be taken, is another than the identity has, or was detached, is left out, and the identity is
    flagged ``ins_left_out``: the study is taken all the same.
    """
    if not (patient.ins and patient.ins_oid) or forcing_prov(identity.flags):
        return
    try:
        checked = matricule(patient.ins, patient.ins_oid, authorities)
    except OtherAuthority:
        _flag(identity, LEFT_OUT, "received with a matricule of an authority that this installation does not take")
    except BadIns:
        _flag(identity, LEFT_OUT, "received with a matricule whose form, key or authority is wrong")
    else:
        sent = qualified(checked, patient.ins_oid)
        if sent in identity.detached_ins:
            _flag(identity, LEFT_OUT, "received with a matricule that was detached")
        elif not identity.has_ins:
            identity.attach_ins(matricule=checked, oid=patient.ins_oid, mode="DICOM")
        elif identity.ins != sent:
            _flag(identity, LEFT_OUT, "received with another matricule than it has")


def _sent_ins(patient: ReceivedPatient, authorities: Authorities) -> str | None:
    """The matricule that was sent, with its authority; None where it is not taken."""
    if not (patient.ins and patient.ins_oid):
        return None
    try:
        return qualified(matricule(patient.ins, patient.ins_oid, authorities), patient.ins_oid)
    except (OtherAuthority, BadIns):
        return None


def _registered(
    work: Work, assigner: str, local_id: str, stated: dict[str, str | None], others: list[Identity]
) -> Identity:
    """A new identity. ``others``: those that had the number before."""
    collides = not all(other.is_closed for other in others)
    source = "received_anew" if others and not collides else "received"
    ordinal = len(others) + 1
    new_id = Identity.create_id(work.ids, assigner, local_id, ordinal)
    new = work.add(Identity(new_id, assigner, local_id, ordinal, stated, source))
    if collides:
        either = any(can_be_of(other, stated) for other in told_apart(work, others))
        new.flag(flag="collision", reason=OF_EITHER if either else "the number is in use for another person")
    return new


def _learn(known: Identity, stated: dict[str, str | None]) -> None:
    """Flag differences; otherwise add newly known traits, so that later statements are compared with them too. What was
    checked is replaced by nothing that a device sends: DICOM has no birth date that is known in part.
    """
    if not names_agree(known.traits, stated):
        _flag(known, "names_differ", "received under another name with the same birth date")
        return
    if differ := unlike(known.traits, stated):
        _flag(known, "traits_differ", f"received with another {in_words(differ)}")
    traits = completed(known.traits, stated)
    if known.status is not Status.PROV:
        traits |= {trait: value for trait, value in known.traits.items() if value}
    if traits != known.traits:
        known.correct(traits=traits, reason="received with a study, and not known before")


def _flag(known: Identity, flag: str, reason: str) -> None:
    if flag not in known.flags:
        known.flag(flag=flag, reason=reason)
