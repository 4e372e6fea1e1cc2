"""The RuleSet aggregate: all published versions of one kind of rules, in order.

Its id is made from the kind.

G1   The kind is known.
G2   A rule is named KIND@VERSION.
G3   A version is a whole number from 1, and greater than each before it; numbers may be left out, so that a text of law
     keeps its year.
G4   A version is published once: its content and start never change. Publishing the same again changes nothing.
G5   Rules are in force from a day.
G6   A rule file is TOML or JSON, and not over 1 MiB.
G7   It holds no field that its kind does not know.
G8   It holds every field that its kind needs.
G9   Each value has the type of its field.
G10  Each value is a possible one.
G11  A field that takes a few values only has one of them.
G12  A unit is one of its quantity's.
G13  No model of matching lets a contradiction speak for one person.
G15  An exposure has one reference level of a quantity.
G16  No list or text is empty where something is needed.
G17  Matching rules are a model that weighs, and no rules of equal fields.
Kept here are G3 and G4, which need what was published; the others in ``domain.rules``, on the document alone. G14 was
of rules of equal fields, and is not used again.
"""

from uuid import UUID, uuid5

from eventsourcing.domain import Aggregate, event

from domain.errors import BadVersion, VersionTaken
from domain.rules.document import RuleDocument

RULESETS = UUID("0f7b3a52-6d0c-5e8e-9f43-2b1c7d9a6e05")  # namespace of rule set ids: stored state, never change it


class RuleSet(Aggregate):
    """Keeps, per version, the digest of its content and the day from which it is in force."""

    TOPIC = "rules"

    class Created(Aggregate.Created):
        TOPIC = "rules.created"

    class Opened(Created):
        TOPIC = "rules.opened"
        kind: str

    class Published(Aggregate.Event):
        TOPIC = "rules.published"
        kind: str
        version: int
        body: str
        in_force_from: str
        digest: str
        label: str

    @staticmethod
    def create_id(kind: str) -> UUID:
        """The rule set's id: one per kind."""
        return uuid5(RULESETS, kind)

    @event(Opened)
    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.said: dict[int, tuple[str, str]] = {}

    def publish(self, document: RuleDocument) -> None:
        """Record a version; publishing the same content again changes nothing.

        Raises VersionTaken (G4), BadVersion (G3).
        """
        version, last = document.version, max(self.said, default=0)
        if (said := self.said.get(version)) == (document.digest, document.in_force_from):
            return
        if said:
            raise VersionTaken(f"{document.id} was published with other content: give the new rules version {last + 1}")
        if version < last:
            raise BadVersion(f"{document.id} comes after {self.kind}@{last}: versions grow, give it version {last + 1}")
        self._published(document.kind, version, document.body, document.in_force_from, document.digest, document.title)

    @event(Published)
    def _published(self, kind: str, version: int, body: str, in_force_from: str, digest: str, label: str) -> None:
        self.said[version] = (digest, in_force_from)
