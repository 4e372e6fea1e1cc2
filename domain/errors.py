"""Errors: one class per rule that refuses, plus errors of stores.

A message says what, where and what to do; it never contains a name or a trait.
"""


class NotDelivered(Exception):
    """A notice was not taken. The message is a code, and holds nothing of the notice."""


class RuleBroken(Exception):
    """A rule refused a command and nothing was written. ``rule`` is its number in the aggregate's docstring."""

    rule: str


class NotFound(LookupError):
    """What a command or query names is not in the ledger."""


class CommandRepeated(Exception):
    """The command id is already stored: return the first answer."""


class SealBroken(Exception):
    """Sealed bytes cannot be decrypted: altered, moved to another event, or another master key."""


class Contended(Exception):
    """Other writers were first several times in a row: nothing was written; retry."""


class LedgerAltered(Exception):
    """Two copies of the ledger, or a copy and its signed tree, differ: which, and where. Nothing was written."""


# What a view's store says to the stream processor that feeds it
class PartitionLost(Exception):
    """Another worker has applied records of this partition and owns it now: this worker must stop."""


class OffsetGap(Exception):
    """Records are missing before this one: nothing was applied, and nothing may be."""


class StoreAway(Exception):
    """The database is unavailable: nothing was applied; retry the same batch."""


# Actor
class BadActor(RuleBroken):
    """The actor is not a pseudonymous id with its scheme."""

    rule = "W1"


class NotForRole(RuleBroken):
    """The caller's role may not do that task."""

    rule = "W2"


class NotOnesOwn(RuleBroken):
    """A caller asks under an id that is not theirs."""

    rule = "W3"


class OfAnother(RuleBroken):
    """A patient, or a professional, states something in the name of another."""

    rule = "W4"


# Identity
class BadTraits(RuleBroken):
    """Impossible traits: an invalid date, an unknown sex code, or no name."""

    rule = "I1"


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
    """The ground of an erasure, which stays readable, is missing, too long, or tells of the person."""

    rule = "I8"


# Link
class SameIdentity(RuleBroken):
    """A pair of one identity with itself."""

    rule = "L1"


class NothingToChange(RuleBroken):
    """The statement already holds, or there is none to undo."""

    rule = "L2"


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
    """Two identities of another sex or birth date are merged only where that is said to be no slip."""

    rule = "L6"


# Study
class UnknownSite(RuleBroken):
    """No establishment of that code is enrolled."""

    rule = "S1"


class NothingNew(RuleBroken):
    """The batch holds nothing that the study does not hold already."""

    rule = "S2"


class StudyWithdrawn(RuleBroken):
    """The study was withdrawn."""

    rule = "S3"


class AlreadyThere(RuleBroken):
    """The study belongs to that identity already."""

    rule = "S4"


# Dose
class ReportKnown(RuleBroken):
    """The dose report is recorded already."""

    rule = "D1"


class NoExposure(RuleBroken):
    """A dose report without an irradiation event, and without a total."""

    rule = "D2"


class AlertUnchanged(RuleBroken):
    """No such open alert."""

    rule = "D3"


# Establishment
class BadSite(RuleBroken):
    """A code, name, device kind or service that is not of the form the rule states."""

    rule = "E1"


class SiteEnrolled(RuleBroken):
    """An establishment of that code is enrolled already."""

    rule = "E2"


class BadFiness(RuleBroken):
    """A FINESS number that is not of 9 characters."""

    rule = "E3"


class BadAeTitle(RuleBroken):
    """Not an AE title: 1 to 16 printable characters."""

    rule = "E4"


class AeTitleTaken(RuleBroken):
    """The AE title is registered already: it belongs to one establishment only."""

    rule = "E5"


class ServiceActive(RuleBroken):
    """The service is active already."""

    rule = "E6"


# Professional
class BadProfessional(RuleBroken):
    """An RPPS number not of 11 digits or with a wrong check digit, or no name or profession."""

    rule = "P1"


class ProfessionalRegistered(RuleBroken):
    """A professional of that RPPS number is registered already."""

    rule = "P2"


class AlreadyAffiliated(RuleBroken):
    """The professional is affiliated to that establishment already."""

    rule = "P3"


class SuspensionRefused(RuleBroken):
    """The professional is suspended already, or no reason is given."""

    rule = "P4"


# Consent
class UnknownParty(RuleBroken):
    """Nobody in the directory bears that name, or a grant that names everyone."""

    rule = "C1"


class NotRunOut(RuleBroken):
    """The consent or code has not run out, or is not held any more."""

    rule = "C7"


class StatementUnchanged(RuleBroken):
    """The statement is held already, or there is none to take back."""

    rule = "C2"


class StillOpposed(RuleBroken):
    """A grant to someone whom the same identity opposes: lift the opposition first."""

    rule = "C3"


class NoLegitimateReason(RuleBroken):
    """Opposition to feeding without a legitimate reason (CSP R1111-47)."""

    rule = "C4"


class BadLimit(RuleBroken):
    """An end that has passed or lies too far off, or an exclusion of unknown form."""

    rule = "C5"


class BadCode(RuleBroken):
    """A one-time code too weak to be given out."""

    rule = "C6"


# Access
class UnknownProfessional(RuleBroken):
    """Nobody of that RPPS number is registered: there is no one to decide about."""

    rule = "X1"


class NotAffiliated(RuleBroken):
    """The professional does not work for the establishment they name."""

    rule = "X2"


class ReasonMissing(RuleBroken):
    """An access is asked for without a reason."""

    rule = "X3"


class EmergencyGoesOn(RuleBroken):
    """The emergency access has not run out."""

    rule = "X16"


class NothingToReview(RuleBroken):
    """No emergency access waits for review under that id, or not for that reviewer."""

    rule = "X17"


class NoOpenEmergency(RuleBroken):
    """No emergency access is open under that id."""

    rule = "X10"


# Viewing
class UnfitReason(RuleBroken):
    """The reason for reading a list names somebody who is in it, or is too long."""

    rule = "X15"


# Order
class BadOrder(RuleBroken):
    """An order without a modality, with an unknown urgency, or a time without a zone."""

    rule = "O1"


class OrdererSuspended(RuleBroken):
    """A suspended professional orders no exam."""

    rule = "O2"


class OrderKnown(RuleBroken):
    """The site placed an order under that number already."""

    rule = "O3"


class OrderElsewhere(RuleBroken):
    """The order was neither placed nor presented at that site."""

    rule = "O4"


class OrderUnchanged(RuleBroken):
    """The order says so already."""

    rule = "O5"


class OrderOver(RuleBroken):
    """The order ran out: nothing follows it but the exam itself."""

    rule = "O10"


class OrderStillWanted(RuleBroken):
    """The order has not run out."""

    rule = "O10"


class OrderCancelled(RuleBroken):
    """The order was cancelled: nothing follows it."""

    rule = "O6"


class OrderPerformed(RuleBroken):
    """The exam was made: it is no more to be presented, scheduled or cancelled."""

    rule = "O7"


class OrderNotPerformed(RuleBroken):
    """A result needs an exam."""

    rule = "O8"


class BadAccession(RuleBroken):
    """An accession number that no system could have given out."""

    rule = "O9"


# Reading
class SameSite(RuleBroken):
    """A reading is asked of another establishment than the one that asks."""

    rule = "R1"


class ReadingOpen(RuleBroken):
    """That establishment was asked to read the study, and has not answered yet."""

    rule = "R3"


class ReaderNotEntitled(RuleBroken):
    """A reader is not suspended, and works for the establishment that was asked."""

    rule = "R4"


class ReadingAnswered(RuleBroken):
    """The reading was accepted, declined or reported already."""

    rule = "R5"


class ReadingNotAccepted(RuleBroken):
    """Only an accepted reading is reported."""

    rule = "R6"


class ReadingNeedsReason(RuleBroken):
    """A reading is not declined without a reason."""

    rule = "R7"


# Rule sets
class UnknownKind(RuleBroken):
    """No rules are kept of that kind."""

    rule = "G1"


class BadRuleId(RuleBroken):
    """Not a rule id: KIND@VERSION."""

    rule = "G2"


class BadVersion(RuleBroken):
    """A version that is no whole number from 1 on, or that does not grow."""

    rule = "G3"


class VersionTaken(RuleBroken):
    """The version was published before, and said something else."""

    rule = "G4"


class NotADate(RuleBroken):
    """The day from which rules are in force is no date."""

    rule = "G5"


class BadRuleFile(RuleBroken):
    """A rule file that is neither TOML nor JSON, or too large."""

    rule = "G6"


class UnknownField(RuleBroken):
    """A rule file holds a field that its kind does not know."""

    rule = "G7"


class FieldMissing(RuleBroken):
    """A rule file lacks a field that its kind needs."""

    rule = "G8"


class WrongType(RuleBroken):
    """A value of another type than the field has."""

    rule = "G9"


class OutOfRange(RuleBroken):
    """A value of the right type that cannot be."""

    rule = "G10"


class UnknownChoice(RuleBroken):
    """A value that is none of the few that the field takes."""

    rule = "G11"


class UnknownUnit(RuleBroken):
    """A unit that is unknown, or of another dimension than the quantity."""

    rule = "G12"


class RuleTooWeak(RuleBroken):
    """A matching rule that compares too little for what it would do."""

    rule = "G13"


class DuplicateRule(RuleBroken):
    """Two matching rules of one name."""

    rule = "G14"


class DuplicateLevel(RuleBroken):
    """Two levels for the same exposures."""

    rule = "G15"


class NothingInIt(RuleBroken):
    """An empty list or text, where something is needed."""

    rule = "G16"
