"""Compares two versions of the identity index: persons joined or split, and pairs newly proposed for review.

Both versions fold the same statements, so their memberships differ only if code does. If their matching rules differ,
what the candidate's rules would newly decide counts as decided (``due``).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from psycopg2.extensions import connection as Connection

from projections.engine.declaration import Keep, Tell
from projections.engine.query import fetch
from projections.identity_index.decided import Decision, Due
from projections.identity_index.due import due

Document = dict[str, Any]

# Who each identity is in both versions; an identity without a node is a person of its own.
WHO = """
WITH who AS MATERIALIZED (
    SELECT identity_id, coalesce(l.person_id, identity_id) AS was, coalesce(c.person_id, identity_id) AS now
    FROM "{live}".node l FULL JOIN "{candidate}".node c USING (identity_id)),
"""
FOLDED = f"""{WHO}
joined AS (SELECT now AS person, array_agg(DISTINCT was ORDER BY was) AS others
    FROM who GROUP BY now HAVING count(DISTINCT was) > 1),
split AS (SELECT was AS person, array_agg(DISTINCT now ORDER BY now) AS others
    FROM who GROUP BY was HAVING count(DISTINCT now) > 1)
"""
FOLDED_COUNTS = (
    FOLDED
    + """, changed AS (SELECT unnest(others) AS person FROM joined UNION SELECT person FROM split)
SELECT (SELECT count(*) FROM joined) AS joined, (SELECT count(*) FROM split) AS split,
       (SELECT count(*) FROM changed) AS changed
"""
)
FOLDED_PAGE = (
    FOLDED
    + """
SELECT 'joined' AS change, person::text, others::text[] AS persons FROM joined
UNION ALL SELECT 'split', person::text, others::text[] FROM split ORDER BY 1, 2 OFFSET %(offset)s LIMIT %(limit)s
"""
)
# All identities of the persons that differ, so that what is due is told together with it.
FOLDED_DIFFERENT = f"""{WHO}
differing AS (SELECT was, now FROM who WHERE was <> now),
persons AS (SELECT was AS person FROM differing UNION SELECT now FROM differing)
SELECT identity_id::text AS identity FROM who
WHERE was IN (SELECT person FROM persons) OR now IN (SELECT person FROM persons)
"""
PERSONS = 'SELECT identity_id::text AS identity, person_id::text AS person FROM "{s}".node'
HOW_MANY = """
SELECT (SELECT count(*) FROM "{s}".identity i LEFT JOIN "{s}".node n USING (identity_id) WHERE n.identity_id IS NULL)
     + (SELECT count(DISTINCT person_id) FROM "{s}".node) AS persons
"""
# The rules of the merges that hold these persons together, in the version where each is one.
RULES = """
SELECT a.person_id::text AS person,
       jsonb_agg(DISTINCT jsonb_build_object('rule', s.rule, 'rule_version', s.rule_version)) AS rules
FROM "{s}".node a JOIN "{s}".link k ON k.low = a.identity_id AND k.state = 'merged'
JOIN "{s}".node b ON b.identity_id = k.high AND b.person_id = a.person_id
JOIN "{s}".statement s ON s.position = k.position
WHERE a.person_id = ANY(%(persons)s::uuid[]) GROUP BY 1
"""
RULE_VERSION = 'SELECT max(rule_version) AS version FROM "{s}".match_model'


class Persons:
    """``projections.engine.declaration.Meaning`` of the identity index."""

    def counts(self, connection: Connection, live: str, candidate: str, tell: Tell, keep: Keep) -> Document:
        """See ``Meaning``: ``persons`` joined, split and unchanged, and ``proposed``: pairs newly put to a human.

        Joined are persons of the candidate; split and unchanged, persons of today.
        """
        decided = _newly_due(connection, live, candidate, tell, keep)
        if decided is None:
            counted = fetch(connection, FOLDED_COUNTS.format(live=live, candidate=candidate))[0]
            return {"persons": _counts(connection, live, **counted, proposed=0)}
        joined, split = _differing(connection, live, decided)
        changed = len({*split, *(person for others in joined.values() for person in others)})
        counted = {"joined": len(joined), "split": len(split), "changed": changed, "proposed": len(decided.proposals)}
        return {"persons": _counts(connection, live, **counted)}

    def page(
        self, connection: Connection, live: str, candidate: str, offset: int, limit: int, tell: Tell
    ) -> list[Document]:
        """See ``Meaning``: ``person`` where it is one, ``persons`` where it is several, ``rules`` that say so.

        Of a person that would fall apart, the rules that hold it together now; of a proposal, ``person`` is null.
        """
        decided = _newly_due(connection, live, candidate, tell)
        if decided is None:
            query = FOLDED_PAGE.format(live=live, candidate=candidate)
            found = fetch(connection, query, offset=offset, limit=limit)
        else:
            found = _documents(connection, live, decided)[offset : offset + limit]
        _add_rules(connection, [d for d in found if d["change"] == "joined"], candidate)
        _add_rules(connection, [d for d in found if d["change"] == "split"], live)
        return found


def _counts(
    connection: Connection, live: str, *, joined: int, split: int, changed: int, proposed: int
) -> dict[str, int]:
    """``changed``: persons of today that would be joined or split, each once."""
    persons: int = fetch(connection, HOW_MANY.format(s=live))[0]["persons"]
    return {"joined": joined, "split": split, "unchanged": persons - changed, "proposed": proposed}


def _newly_due(
    connection: Connection, live: str, candidate: str, tell: Tell, keep: Keep = lambda _: None
) -> Due | None:
    """What the candidate's rules would decide; None where nothing, or where they are the live version's own."""
    ours, theirs = (fetch(connection, RULE_VERSION.format(s=s))[0]["version"] for s in (live, candidate))
    if theirs is None or theirs == ours:
        return None
    different = fetch(connection, FOLDED_DIFFERENT.format(live=live, candidate=candidate))
    found = due(connection, candidate, [row["identity"] for row in different], tell=tell)
    keep(replace(found, would_be={}))  # a promotion raises decisions, and needs no persons
    return found if len(found) else None


def _differing(connection: Connection, live: str, decided: Due) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """Persons joined (new person to current persons), and persons split (current person to new persons)."""
    known = PERSONS.format(s=live) + " WHERE identity_id = ANY(%(ids)s::uuid[])"
    found = fetch(connection, known, ids=list(decided.would_be))
    was = {identity: identity for identity in decided.would_be} | {row["identity"]: row["person"] for row in found}
    joined: dict[str, set[str]] = defaultdict(set)
    split: dict[str, set[str]] = defaultdict(set)
    for identity, person in decided.would_be.items():
        joined[person].add(was[identity])
        split[was[identity]].add(person)
    return _several(joined), _several(split)


def _several(groups: Mapping[str, set[str]]) -> dict[str, set[str]]:
    return {person: others for person, others in groups.items() if len(others) > 1}


def _documents(connection: Connection, live: str, decided: Due) -> list[Document]:
    joined, split = _differing(connection, live, decided)
    merged_by = _rules_by_person(decided.merges, decided.would_be)
    found = [_document("joined", p, others, merged_by.get(p)) for p, others in sorted(joined.items())]
    for pair in decided.proposals:
        sides = {decided.would_be[pair.one], decided.would_be[pair.other]}
        found.append(_document("proposed", None, sides, {(pair.rule, pair.rule_version)}))
    return found + [_document("split", p, others, None) for p, others in sorted(split.items())]


def _rules_by_person(decisions: Iterable[Decision], person: Mapping[str, str]) -> dict[str, set[tuple[str, int]]]:
    found: dict[str, set[tuple[str, int]]] = defaultdict(set)
    for one in decisions:
        found[person[one.one]].add((one.rule, one.rule_version))
    return found


def _document(change: str, person: str | None, others: Iterable[str], rules: set[tuple[str, int]] | None) -> Document:
    told: Document = {"change": change, "person": person, "persons": sorted(others)}
    if rules:
        told["rules"] = [{"rule": rule, "rule_version": version} for rule, version in sorted(rules)]
    return told


def _add_rules(connection: Connection, told: Sequence[Document], schema: str) -> None:
    """If no due decision names the rules, take them from the existing merges."""
    without = [d["person"] for d in told if "rules" not in d]
    held = {row["person"]: row["rules"] for row in fetch(connection, RULES.format(s=schema), persons=without)}
    for one in told:
        one.setdefault("rules", held.get(one["person"], []))
