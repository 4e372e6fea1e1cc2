"""Viewings: what a link to the viewer lets one person see, from when it is made until it ends.

A link has a token of 256 random bits, good once and for two minutes; who opens it gets another secret in a cookie. The
database has their SHA-256. A viewing that was begun in a session ends with it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID, uuid4

from adapters.web_sessions.sealed import Broken, Sealing
from adapters.web_sessions.sessions import ID, IDLE_US, LASTS_US, SECOND_US, SEEN_US, hashed, new_id
from postgres.pool import Pool

TOKEN_US: Final = 120 * SECOND_US
"""How long a link may wait to be opened."""
MAKE: Final = """INSERT INTO web.viewing
(viewing_id, secret_hash, session, signed_by, actor, site, person, study_uid, others, sealed, began_at, seen_at)
VALUES (%(id)s, %(secret)s, %(session)s, %(key)s, %(actor)s, %(site)s, %(person)s, %(study)s, %(others)s, %(sealed)s,
%(now)s, %(now)s)"""
IN_SESSION: Final = f"""(v.session IS NULL OR EXISTS (
SELECT 1 FROM web.session s WHERE s.id_hash = v.session AND s.id_hash = %(mine)s AND s.began_at > %(now)s - {LASTS_US}
AND s.seen_at > %(now)s - {IDLE_US}))"""
OPEN: Final = f"""UPDATE web.viewing v SET secret_hash = %(new)s, opened_at = %(now)s, seen_at = %(now)s
WHERE secret_hash = %(secret)s AND opened_at IS NULL AND began_at > %(now)s - {TOKEN_US} AND {IN_SESSION}
RETURNING viewing_id::text, study_uid"""
OF: Final = f"""SELECT viewing_id::text, signed_by, actor, site, person::text, study_uid, others, sealed, seen_at,
session, began_at > %(now)s - {LASTS_US} AND seen_at > %(now)s - {IDLE_US} AND {IN_SESSION}
FROM web.viewing v WHERE secret_hash = %(secret)s AND opened_at IS NOT NULL"""
SEEN: Final = "UPDATE web.viewing SET seen_at = greatest(seen_at, %s) WHERE viewing_id = %s"
OVER: Final = f"DELETE FROM web.viewing WHERE began_at < %s - {LASTS_US} - {IDLE_US}"
"""Kept a while after its end, to tell why nothing is shown any more."""


@dataclass(frozen=True)
class Asked:
    """Who wants to look at what. ``session``: the hash of the session it is asked in; ``key``: how they signed in;
    ``person``: an identity of whose study it is; ``others``: the person's other studies are asked for, too;
    ``situation``: see ``domain.actors.Caller``.
    """

    session: bytes | None
    key: str
    actor: str
    site: str | None
    person: UUID
    study_uid: str
    others: bool
    reason: str = field(repr=False)
    situation: str | None = None


@dataclass(frozen=True)
class Opened:
    """``secret``: for the cookie."""

    id: UUID
    study_uid: str
    secret: str = field(repr=False)


@dataclass(frozen=True)
class Viewing:
    """One that was opened. ``live``: it has not ended by itself, nor with its session."""

    id: UUID
    asked: Asked
    live: bool


class Viewings:
    """All of a ledger. ``now``: µs since 1970. Safe to share between threads. Raises psycopg2.Error; Busy."""

    def __init__(self, pool: Pool, sealing: Sealing, now: Callable[[], int]) -> None:
        self._pool, self._sealing, self._now = pool, sealing, now

    def ask(self, **stated: Any) -> str:
        """A new link's token; stated are the fields of ``Asked``."""
        asked, token, id, now = Asked(**stated), new_id(), uuid4(), self._now()
        told = {name: getattr(asked, name) for name in ("session", "key", "actor", "site", "others")}
        values = told | {
            "id": str(id),
            "secret": hashed(token),
            "person": str(asked.person),
            "study": asked.study_uid,
            "sealed": self._sealing.seal({"reason": asked.reason, "situation": asked.situation}, _place(id, asked)),
            "now": now,
        }
        with self._pool.transaction() as cursor:
            cursor.execute(OVER, (now,))
            cursor.execute(MAKE, values)
        return token

    def open(self, token: str, session: str | None) -> Opened | None:
        """Open it, once; None: it was opened, or has waited too long, or is of another session. ``session``: the id of
        the one that the browser has.
        """
        if not ID.fullmatch(token):
            return None
        secret = new_id()
        values = {"secret": hashed(token), "new": hashed(secret), "mine": _hash(session), "now": self._now()}
        with self._pool.transaction() as cursor:
            cursor.execute(OPEN, values)
            found = cursor.fetchall()
        return Opened(UUID(found[0][0]), found[0][1], secret) if found else None

    def of(self, secret: str, session: str | None, *, using: bool = True) -> Viewing | None:
        """The viewing of a cookie, also where it has ended lately. ``session``: as above; ``using``: something is asked
        for in it.
        """
        if not ID.fullmatch(secret):
            return None
        now = self._now()
        values = {"secret": hashed(secret), "mine": _hash(session), "now": now}
        found = self._pool.read(OF, values)
        if not found:
            return None
        ((id, key, actor, site, person, study, others, sealed, seen_at, place, live),) = found
        held = Asked(place and bytes(place), key, actor, site, UUID(person), study, others, "")
        try:
            told = self._sealing.open(bytes(sealed), _place(UUID(id), held))
        except Broken:
            return None
        if using and live and now - seen_at > SEEN_US:
            self._pool.read(SEEN, (now, id))
        said = {"reason": str(told["reason"]), "situation": told.get("situation")}
        return Viewing(UUID(id), Asked(**{**vars(held), **said}), live)


def _hash(session: str | None) -> bytes | None:
    return None if session is None else hashed(session)


def _place(id: UUID, asked: Asked) -> bytes:
    """Where the reason is sealed: whoever writes to the table shows nobody else's study to anybody."""
    stated = (id, asked.key, asked.actor, asked.site, asked.person, asked.study_uid, asked.others)
    return "|".join(map(str, stated)).encode()
