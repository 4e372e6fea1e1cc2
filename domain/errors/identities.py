"""Refusals about local identities (I)."""

from domain.errors.refusal import RuleBroken


class BadTraits(RuleBroken):
    """Impossible traits: an invalid date, an unknown sex code, or no name.

    ``about``: the trait, or ``id``; None where it is no single one.
    """

    rule = "I1"

    def __init__(self, *said: object, about: str | None = None) -> None:
        super().__init__(*said)
        self.about = about


class AlreadyRegistered(RuleBroken):
    """The assigner knows that local id already."""

    rule = "I2"


class NothingToCorrect(RuleBroken):
    """The correction changes nothing."""

    rule = "I3"


class StatusNotAllowed(RuleBroken):
    """A status that the attributes or the INS forbid (RNIV, EXI SI 07 and 09)."""

    rule = "I4"


class BadIns(RuleBroken):
    """A matricule whose key or form is wrong, or an OID that is not one of INS."""

    rule = "I5"


class FlagUnchanged(RuleBroken):
    """The flag is set already, or is not set."""

    rule = "I6"


class Erased(RuleBroken):
    """The identity was erased: nothing personal is added to it any more."""

    rule = "I7"


class UnfitGround(RuleBroken):
    """The reference of an erasure, which stays readable, is missing, too long, or tells of the person."""

    rule = "I8"


class OtherAuthority(BadIns):
    """A matricule of tests in production, or of production in an installation for tests."""

    rule = "I9"


class NothingToSplit(RuleBroken):
    """A split names studies or orders of the identity, at least one."""

    rule = "I14"


class SamePerson(RuleBroken):
    """A split states another person than the identity: one whom intake tells apart from it."""

    rule = "I15"


class NothingToUndo(RuleBroken):
    """The identity was not split off another one, or that was taken back already."""

    rule = "I16"


class SplitStands(RuleBroken):
    """Something rests on the split by now: it is not taken back over that."""

    rule = "I17"
