"""SQL that finds what the event store holds of a person, by indexes over the bytes of events: never by a walk.

Ids are text in the stored bytes (Avro strings), so an index can be made of them without decoding.
"""

from typing import Final

from adapters.eventstore.tables import BEGUN, EVENTS, MOVED, NAMING, OF_IDENTITY, SAID_OF

BEGUN_FOR: Final = f"""SELECT originator_id::text FROM {EVENTS}
WHERE topic IN ({BEGUN}) AND {OF_IDENTITY} = convert_to(%s, 'UTF8') AND id > %s
UNION SELECT originator_id::text FROM {EVENTS}
WHERE topic IN ({MOVED}) AND position(convert_to(%s, 'UTF8') IN state) > 0 AND id > %s"""
"""Ids of what began for an identity behind a position, and of what was moved to or from it; both twice."""
BROUGHT: Final = f"""SELECT originator_id::text, topic FROM {EVENTS}
WHERE originator_id = ANY(%s::uuid[]) AND topic = ANY(%s) AND id > %s
UNION SELECT originator_id::text, topic FROM {EVENTS}
WHERE topic IN ({NAMING}) AND {SAID_OF} = %s AND id > %s"""
"""Aggregate and type of what came behind a position: to these aggregates, and in conflicts that name an identity."""
CONFLICTS: Final = f"""SELECT originator_version, state FROM (
SELECT id, originator_version, state FROM {EVENTS} WHERE topic IN ({NAMING}) AND {SAID_OF} = ANY(%s)
UNION SELECT id, originator_version, state FROM {EVENTS}
WHERE topic IN ({NAMING}) AND originator_id = ANY(%s::uuid[])) found ORDER BY id"""
"""Conflicts whose second is said to be of one of these identities, or that were found in one of these studies."""
