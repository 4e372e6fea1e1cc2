"""Refusals about pairs of identities (L)."""

from domain.errors.refusal import RuleBroken


class SameIdentity(RuleBroken):
    """A pair of one identity with itself."""

    rule = "L1"


class NothingToChange(RuleBroken):
    """The statement already holds, or there is none to undo."""

    rule = "L2"


class OnePersonAlready(NothingToChange):
    """The two are one person: a link of theirs, or others, hold them together."""


class PairBarred(RuleBroken):
    """The pair is barred from merging."""

    rule = "L3"


class StillMerged(RuleBroken):
    """A merged pair is not barred: unmerge it first."""

    rule = "L4"


class HumanMadeIt(RuleBroken):
    """A rule cannot undo a human's decision."""

    rule = "L5"


class TraitsDiffer(RuleBroken):
    """Two identities of another sex or birth date are merged only by whoever names what differs: ``differing``."""

    rule = "L6"

    def __init__(self, *said: object, differing: tuple[str, ...] = ()) -> None:
        super().__init__(*said)
        self.differing = differing


class EvidenceGone(RuleBroken):
    """The ledger does not find what a rule's statement rests on: the two state something else now."""

    rule = "L7"


class RuleNotInForce(RuleBroken):
    """A rule decides that is not in force: never published, or replaced."""

    rule = "L8"


class NothingWaits(RuleBroken):
    """What is postponed or assigned waits for a human: a pair, or one identity by itself."""

    rule = "L10"


class BadDelay(RuleBroken):
    """What waits is postponed to a time to come, a year ahead at most."""

    rule = "L11"


class JoinedByOthers(RuleBroken):
    """Two are one person by other pairs than theirs. ``cut``: the pairs to unmerge, as ids of identities."""

    rule = "L9"

    def __init__(self, *said: object, cut: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(*said)
        self.cut = cut
