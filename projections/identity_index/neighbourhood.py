"""Finds the identities that a decision about some of them depends on, and what matching compares of each.

Those that share a key with one of them and may be one person with them; and, as far as that leads, all that are one
person with any of these, all of one birth block, and all of whom something was said together with one of them: a human
may have set the two apart, or be asked about them. No suspicion, no contradiction inside a group and no doubt whose a
record is reaches further, so what is decided of these alone is what a decision of the whole region would say of them.
Who shares a key and agrees too little for any tier leads no further: in a large region that is most of them.

What the view does not tell is told by whoever asks (``Untold``): a merge may be asked for already, or be stored and not
read; and an identity that was corrected may have kept two apart, as a twin, in a birth block that it has left.

Of those asked about, some are *fresh*: something of their own changed. Whoever may be one person with a fresh one is
found; with another one, only whom a rule may merge with them. What a human is shown of the others was shown before.
"""

from collections.abc import Callable, Collection, Container, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any, Final, NamedTuple

from psycopg2.extensions import connection as Connection

from domain.ins import qualified
from domain.matching.candidates import MOST
from domain.matching.deciding import Weighed, counts, weighed
from domain.matching.keys import keys, of_birth_block, of_merges
from domain.matching.model import Model
from domain.matching.record import Record, record
from domain.matching.sketches import sketch
from domain.matching.suspicions import birth_block
from domain.worklist import INS_REPLACED
from projections.engine.query import fetch_planned
from projections.identity_index.identity_rows import NO_TRAITS
from projections.identity_index.sketched import MAY_BE_ONE

REPLACED: Final = f"i.flags @> '[\"{INS_REPLACED}\"]'::jsonb"
"""Whether an identity is flagged so: its number merges nobody."""
KNOWN = f"""
SELECT i.identity_id::text AS identity, i.traits, i.ins, i.ins_oid, {REPLACED} AS replaced,
       i.registered_position AS registered, coalesce(n.person_id, i.identity_id)::text AS person{{also}}
FROM {{of}} JOIN "{{{{s}}}}".identity i USING (identity_id) LEFT JOIN "{{{{s}}}}".node n USING (identity_id)
WHERE NOT i.erased
"""
ASKED = KNOWN.format(of="unnest(%(ids)s::uuid[]) AS asked(identity_id)", also="")
NEAR = KNOWN.format(
    also=", near.asked",
    of=f"""(
    SELECT found.identity_id, array_agg(DISTINCT asked.place) AS asked
    FROM unnest(%(places)s::int[], %(themselves)s::uuid[], %(keys)s::bigint[], %(sketches)s::bigint[])
        AS asked(place, identity_id, key, sketch)
    CROSS JOIN LATERAL (
        SELECT array_agg(c.identity_id) AS ids, count(*) AS many FROM "{{s}}".candidate_key c
        WHERE c.key = asked.key AND {MAY_BE_ONE}) AS sharing
    CROSS JOIN LATERAL (
        SELECT few.identity_id FROM unnest(sharing.ids) AS few(identity_id) WHERE sharing.many <= {MOST}
        UNION ALL (SELECT i.identity_id FROM "{{s}}".identity i
            WHERE sharing.many > {MOST} AND i.identity_id = ANY(sharing.ids)
            ORDER BY i.registered_position DESC LIMIT {MOST})) AS found
    WHERE found.identity_id <> asked.identity_id
    GROUP BY found.identity_id) AS near""",
)
CLOSER = KNOWN.format(
    also="",
    of=f"""(
    SELECT other.identity_id FROM "{{s}}".node n JOIN "{{s}}".node other USING (person_id)
    WHERE n.identity_id = ANY(%(ids)s::uuid[])
    UNION SELECT unnest(%(told)s::uuid[])
    UNION SELECT inside.identity_id FROM unnest(%(blocks)s::bigint[]) AS block(key) CROSS JOIN LATERAL (
        SELECT c.identity_id FROM "{{s}}".candidate_key c JOIN "{{s}}".identity i USING (identity_id)
        WHERE c.key = block.key ORDER BY i.registered_position DESC LIMIT {MOST}) AS inside
    EXCEPT SELECT unnest(%(known)s::uuid[])) AS closer""",
)
SAID_TOGETHER = """
SELECT high::text AS identity FROM "{s}".link WHERE low = ANY(%(ids)s::uuid[])
UNION ALL SELECT low::text FROM "{s}".link WHERE high = ANY(%(ids)s::uuid[])
"""
Beside = Callable[[Collection[str]], Collection[str]]
"""Whoever is to be one person with any of these identities, or is, though the view does not show it yet."""


def _nobody(_: Collection[str]) -> Collection[str]:
    return ()


@dataclass(frozen=True)
class Untold:
    """What the view does not tell of those asked about. ``former``: what some of them stated before."""

    former: Collection[Record] = ()
    beside: Beside = _nobody


ALL_TOLD: Final = Untold()


class Known(NamedTuple):
    """An identity as matching sees it. ``person``: who it is now."""

    identity: str
    registered: int
    person: str
    record: Record


@dataclass
class Neighbourhood:
    """``inside``: in the order of their ids; ``near``: pairs of a fresh one and whoever may be one person with it. What
    was worked out to find them is not worked out again.
    """

    model: Model
    inside: Sequence[Known] = ()
    near: set[frozenset[str]] = field(default_factory=set)
    _keys: dict[int, tuple[Record, frozenset[int]]] = field(default_factory=dict)
    _weighed: dict[frozenset[int], tuple[Record, Record, Weighed]] = field(default_factory=dict)
    """By the records' addresses, which are theirs alone as long as they are held here."""

    def keys(self, record: Record) -> frozenset[int]:
        """Of one record."""
        if (found := self._keys.get(id(record))) is None:
            found = self._keys[id(record)] = record, keys(record)
        return found[-1]

    def weigh(self, one: Record, other: Record) -> Weighed:
        """Two records."""
        both = frozenset((id(one), id(other)))
        if (found := self._weighed.get(both)) is None:
            found = self._weighed[both] = one, other, weighed(one, other, self.model)
        return found[-1]

    def counts(self, one: Known, other: Known) -> bool:
        """Whether some tier may hold of the two."""
        return counts(*self.weigh(one.record, other.record), one.record, other.record, self.model)


def around(
    connection: Connection,
    schema: str,
    identities: Collection[str],
    model: Model,
    fresh: Collection[str],
    untold: Untold = ALL_TOLD,
) -> Neighbourhood:
    """That of these identities, themselves included. ``fresh``: those of them."""
    found = Neighbourhood(model)
    asked = _known(connection, ASKED.format(s=schema), ids=list(identities))
    asked += _closer(connection, schema, identities, (), untold.former) if untold.former else []
    more: Sequence[Known] = [*asked, *_near(connection, schema, asked, found, fresh)]
    known: dict[str, Known] = {}
    while new := {one.identity: one for one in more if one.identity not in known}:
        known |= new
        told = {*_said_together(connection, schema, new), *untold.beside(new)}
        more = _closer(connection, schema, known, new.values(), [one.record for one in new.values()], told)
    found.inside = [known[identity] for identity in sorted(known)]
    return found


def _near(
    connection: Connection, schema: str, asked: Sequence[Known], inside: Neighbourhood, fresh: Collection[str]
) -> list[Known]:
    """Who may be one person with one of those asked about: some tier may hold of the two."""
    sharing = [
        (place, one.identity, key, shown)
        for place, one in enumerate(asked)
        for shown in [sketch(one.record)]
        for key in (inside.keys(one.record) if one.identity in fresh else of_merges(one.record))
    ]
    told = map(list, zip(*sharing, strict=True)) if sharing else repeat([], 4)
    named = dict(zip(("places", "themselves", "keys", "sketches"), told, strict=True))
    rows = fetch_planned(connection, NEAR.format(s=schema), **named)
    near, themselves = [], {one.identity: one for one in asked}
    for row in rows:
        if not _is_told(row):
            continue
        other = themselves.get(row["identity"]) or _of(row)
        beside = [asked[place] for place in row["asked"] if asked[place] is not other]
        close = [one for one in beside if _leads(one, other, fresh, themselves) and inside.counts(one, other)]
        inside.near |= {frozenset((one.identity, other.identity)) for one in close if one.identity in fresh}
        if close and other.identity not in themselves:
            near.append(other)
    return near


def _leads(one: Known, other: Known, fresh: Collection[str], themselves: Container[str]) -> bool:
    """Whether it matters if the two may be one person: not of two that are asked about, of whom none is fresh."""
    return one.identity in fresh or other.identity not in themselves


def _said_together(connection: Connection, schema: str, identities: Collection[str]) -> list[str]:
    """All of whom anything was said together with one of these."""
    found = fetch_planned(connection, SAID_TOGETHER.format(s=schema), ids=list(identities))
    return [row["identity"] for row in found]


def _closer(
    connection: Connection,
    schema: str,
    known: Collection[str],
    new: Collection[Known],
    records: Collection[Record],
    told: Collection[str] = (),
) -> list[Known]:
    """Who is one person with any of the new ones, in one birth block with any of the records, or one of those ``told``,
    and is not known.
    """
    blocks = {birth_block(record) for record in records} - {None}
    persons = {one.person for one in new}
    found = _known(
        connection,
        CLOSER.format(s=schema),
        ids=[one.identity for one in new],
        told=list(told),
        blocks=list({key for record in records if (key := of_birth_block(record)) is not None}),
        known=list(known),
    )
    return [one for one in found if one.person in persons or one.identity in told or birth_block(one.record) in blocks]


def _known(connection: Connection, query: str, **asked: Any) -> list[Known]:
    return [_of(row) for row in fetch_planned(connection, query, **asked) if _is_told(row)]


def _is_told(row: Mapping[str, Any]) -> bool:
    """Whether its traits can be read."""
    return bool(row["traits"]) and row["traits"] != NO_TRAITS


def _of(row: Mapping[str, Any]) -> Known:
    traits = record(row["traits"], qualified(row["ins"], row["ins_oid"]), replaced=row["replaced"])
    return Known(row["identity"], row["registered"], row["person"], traits)
