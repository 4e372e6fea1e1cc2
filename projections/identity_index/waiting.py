"""Which decisions wait for a human, as SQL: pairs that may be one person, numbers of two people, doubtful numbers.

Four kinds. *proposal*: two of two assigners. *duplicate*: two of one assigner; DPOT while a rule suspects it, DOUA
where it is known: somebody said that the two are one person (a human, or the establishment), both are qualified under
one matricule, or they are one person by now. *collision*: COLV where an assigner gave one number to two people, COLP
where one identity may hold two. *doubtful-number*: a matricule that was left out, contradicts its identity, or took the
place of another; a number that was kept, and then given up for the one that it replaced. Source: HL7 table 0445-FR.
"""

import json
import re
from dataclasses import dataclass
from typing import Final

from domain.worklist import DOUBTED, MAY_BE_MIXED, NUMBER_OF_TWO, STATEMENTS_OF_TWO


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which part of the worklist. ``kinds``: of ``domain.worklist``, None for all; ``before``: waits since earlier, µs
    since 1970; ``by_age``: oldest first, else what is at risk and gained most; ``awake_at``: only what is not postponed
    past that time; ``assigned_to``: a clerk, or nobody where it is empty.
    """

    link: str | None = None
    kinds: tuple[str, ...] | None = None
    assigner: str | None = None
    before: int | None = None
    by_age: bool = False
    skip: int = 0
    awake_at: int | None = None
    assigned_to: str | None = None


ALL: Final = Wanted()
ASKED: Final = ("proposed", "review_requested")
"""States of a pair about which a human is asked."""
ASKS: Final = tuple(f"link.{state}" for state in ASKED)
"""Events that ask."""


def _flags(*names: str) -> str:
    return f"'{json.dumps(names)}'::jsonb"


def _open(link: str) -> str:
    """That nobody said of a pair who the two are."""
    return f"({link}.state IS NULL OR {link}.state IN ('unmerged', 'unbarred'))"


UNDECIDED: Final = f"(k.state IN {ASKED} OR (k.state = 'merged' AND k.held_back))"

PAIRS: Final = f"""
SELECT k.link_id, k.low, k.high, NULL::text AS flagged, '[]'::jsonb AS why, k.position,
       coalesce(k.held_back, false) AS held, k.state
FROM identity_index.link k WHERE {UNDECIDED}
"""
FLAGGED: Final = f"""
SELECT beside.link_id, least(i.identity_id, beside.identity_id),
       CASE WHEN beside.identity_id IS NOT NULL THEN greatest(i.identity_id, beside.identity_id) END, g.flagged, g.why,
       said.position, false, beside.state
FROM identity_index.identity i
CROSS JOIN LATERAL (VALUES ('COLV', {_flags(NUMBER_OF_TWO)}), ('COLP', {_flags(*MAY_BE_MIXED, STATEMENTS_OF_TWO)}),
                           ('number', {_flags(*DOUBTED)})) every(flagged, flags)
CROSS JOIN LATERAL (SELECT every.flagged, jsonb_agg(f) AS why FROM jsonb_array_elements(i.flags) f
                    WHERE every.flags @> f HAVING count(*) > 0) g
CROSS JOIN LATERAL (
    SELECT e.position FROM identity_index.identity_event e
    WHERE e.identity_id = i.identity_id AND e.type = 'identity.flagged' AND g.why @> (e.detail -> 'flag')
    ORDER BY e.position DESC LIMIT 1) said
CROSS JOIN LATERAL (SELECT BARE(i) AS bare) number
LEFT JOIN LATERAL (
    SELECT o.identity_id, k.link_id, k.state, count(*) FILTER (WHERE m.person_id = n.person_id) OVER () AS joined
    FROM identity_index.identity o
    LEFT JOIN identity_index.link k
      ON k.low = least(i.identity_id, o.identity_id) AND k.high = greatest(i.identity_id, o.identity_id)
    LEFT JOIN identity_index.node m ON m.identity_id = o.identity_id
    LEFT JOIN identity_index.node n ON n.identity_id = i.identity_id
    WHERE g.flagged = 'COLV' AND o.assigner = i.assigner AND o.ordinal < i.ordinal AND NOT o.erased
      AND NOT EXISTS (SELECT FROM identity_index.identity_event u WHERE u.identity_id = o.identity_id
                      AND u.type = 'identity.split_undone' AND (u.detail ->> 'emptied')::boolean)
      AND o.local_id IN (SELECT number.bare UNION ALL SELECT number.bare || '#' || n
                         FROM generate_series(2, i.ordinal - 1) n)
    ORDER BY {_open("k")} DESC, o.ordinal LIMIT 1) beside ON true
WHERE i.flags <> '[]' AND NOT i.erased
  AND (beside.identity_id IS NULL OR (beside.joined = 0 AND {_open("beside")}))
"""
ASKED_FOR: Final = """
SELECT k.link_id, a.low, a.high, NULL::text, '[]'::jsonb, k.position, coalesce(k.held_back, false), k.state
FROM (SELECT %(low)s::uuid AS low, %(high)s::uuid AS high) a
LEFT JOIN identity_index.link k ON k.low = a.low AND k.high = a.high
"""

PROVEN: Final = """
w.low_person = w.high_person OR ((w.held OR w.state = 'review_requested') AND s.rule = 'human')
OR ((w.held OR coalesce(w.state, 'proposed') IN ('proposed', 'review_requested'))
    AND w.low_status = 'QUAL' AND w.high_status = 'QUAL' AND (w.low_ins, w.low_ins_oid) = (w.high_ins, w.high_ins_oid))
"""
"""That two of one assigner are one person: they are merged; a human or the establishment said so, and it waits; or both
are qualified under one matricule, and nobody set them apart."""
SUSPECTED: Final = f"(w.state IN {ASKED} OR w.held)"
"""That a rule found it: a human is asked, or a bar holds the rule's merge back."""


def _rows(entries: str) -> str:
    """What is known of these entries."""
    return bare(ROWS.format(entries=entries, proven=PROVEN, suspected=SUSPECTED))


def bare(query: str) -> str:
    """The query with the local id that an assigner gave out in place of BARE: 123 of 123#2."""
    number = r"CASE WHEN \1.ordinal = 1 THEN \1.local_id ELSE left(\1.local_id, -length('#' || \1.ordinal)) END"
    return re.sub(r"BARE\((\w+)\)", number, query)


ROWS: Final = """
WITH entry(link, low, high, flagged, why, position, held, state) AS ({entries}),
known AS (
    SELECT e.*, coalesce(nl.person_id, e.low) AS low_person, coalesce(nh.person_id, e.high) AS high_person,
           CASE WHEN e.flagged = 'number' THEN 'doubtful-number'
                WHEN e.flagged IS NOT NULL
                  OR (il.assigner = ih.assigner AND BARE(il) = BARE(ih))
                THEN 'collision'
                WHEN il.assigner = ih.assigner THEN 'duplicate' ELSE 'proposal' END AS kind,
           coalesce(il.erased, false) OR coalesce(ih.erased, false) AS gone,
           il.assigner AS low_assigner, il.local_id AS low_local_id, il.traits AS low_traits, il.status AS low_status,
           il.flags AS low_flags, il.ins AS low_ins, il.ins_oid AS low_ins_oid, il.replaced AS low_replaced,
           il.deferred AS low_deferred,
           ih.assigner AS high_assigner, ih.local_id AS high_local_id, ih.traits AS high_traits,
           ih.status AS high_status, ih.flags AS high_flags, ih.ins AS high_ins, ih.ins_oid AS high_ins_oid,
           ih.replaced AS high_replaced
    FROM entry e
    LEFT JOIN identity_index.node nl ON nl.identity_id = e.low
    LEFT JOIN identity_index.node nh ON nh.identity_id = e.high
    LEFT JOIN identity_index.identity il ON il.identity_id = e.low
    LEFT JOIN identity_index.identity ih ON ih.identity_id = e.high
),
sized AS (
    SELECT w.*, CASE w.kind WHEN 'collision' THEN CASE WHEN w.flagged = 'COLP' THEN 'COLP'
                                 WHEN w.high IS NULL OR w.low_person <> w.high_person THEN 'COLV' END
                            WHEN 'duplicate' THEN CASE WHEN {proven} THEN 'DOUA' WHEN {suspected} THEN 'DPOT' END
           END AS code,
           CASE WHEN w.high IS NULL THEN (w.low_deferred->w.kind->>'until')::bigint
                ELSE p.postponed_until END AS postponed_until,
           CASE WHEN w.high IS NULL THEN w.low_deferred->w.kind->>'assigned_to' ELSE p.assigned_to END AS assigned_to,
           greatest(l.size, 1) AS low_size,
           CASE WHEN w.high IS NOT NULL THEN greatest(h.size, 1) END AS high_size,
           s.actor, s.reason, s.recorded_at, s.rule, s.rule_version, s.score, s.compared,
           v.actor AS flag_actor, v.reason AS flag_reason, v.recorded_at AS flag_recorded_at
    FROM known w
    CROSS JOIN LATERAL (SELECT count(*) AS size FROM identity_index.node n WHERE n.person_id = w.low_person) l
    CROSS JOIN LATERAL (SELECT count(*) AS size FROM identity_index.node n WHERE n.person_id = w.high_person) h
    LEFT JOIN identity_index.link p ON p.low = w.low AND p.high = w.high
    LEFT JOIN identity_index.statement s ON s.position = w.position AND w.flagged IS NULL
    LEFT JOIN identity_index.identity_event v ON v.position = w.position AND w.flagged IS NOT NULL
)
"""
"""What is known of each entry. ``worth`` of a pair follows ``domain.matching.review``; what no rule weighed counts as
sure, for somebody said so."""

LISTED: Final = (
    _rows(f"{PAIRS} UNION ALL {FLAGGED}")
    + """
SELECT *, coalesce(score, 1) * low_size * coalesce(high_size, 1) AS worth, count(*) OVER () AS of
FROM sized
WHERE (high IS NULL OR low_person <> high_person) AND NOT gone
  AND (%(link)s::uuid IS NULL OR link = %(link)s)
  AND (%(kinds)s::text[] IS NULL OR kind = ANY(%(kinds)s::text[]))
  AND (%(assigner)s::text IS NULL OR low_assigner = %(assigner)s OR high_assigner = %(assigner)s)
  AND (%(before)s::bigint IS NULL OR coalesce(recorded_at, flag_recorded_at) < %(before)s)
  AND (%(awake_at)s::bigint IS NULL OR coalesce(postponed_until, 0) <= %(awake_at)s)
  AND (%(assigned_to)s::text IS NULL OR coalesce(assigned_to, '') = %(assigned_to)s)
ORDER BY {order} LIMIT %(limit)s OFFSET %(skip)s
"""
)
BY_RISK: Final = """
CASE WHEN code = 'COLP' THEN 0 WHEN kind = 'collision' THEN 1 WHEN kind = 'doubtful-number' THEN 3 ELSE 2 END,
coalesce(score, 1) * low_size * coalesce(high_size, 1) DESC, position, low
"""
BY_AGE: Final = "position, low"
ONE_PAIR: Final = _rows(ASKED_FOR) + "SELECT *, coalesce(score, 1) * low_size * high_size AS worth, 1 AS of FROM sized"
