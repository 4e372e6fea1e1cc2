"""Sessions of browsers: opened at sign-in, looked up at each request, ended by who signs out, time, or the provider.

The id has 256 random bits; the database has its SHA-256, so whoever reads there signs in as nobody. A session gets
another id when it is opened and when somebody chose as what they act: an id that was planted before is worth nothing.
"""

import hashlib
import json
import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from adapters.web_sessions.sealed import Broken, Sealing
from postgres.pool import Pool

SECOND_US: Final = 1_000_000
LASTS_US: Final = 4 * 3_600 * SECOND_US
IDLE_US: Final = 30 * 60 * SECOND_US
SEEN_US: Final = 60 * SECOND_US
"""How old the note of the last use may grow: a session is looked up often, and written seldom."""
ID: Final = re.compile("[A-Za-z0-9_-]{43}")
ASK_US: Final = 5 * 60 * SECOND_US
"""How old what the provider said of its session may grow while this one is in use."""
AGAIN_US: Final = 60 * SECOND_US
"""When it is asked again that did not answer."""
LIVE: Final = f"began_at > %(now)s - {LASTS_US} AND seen_at > %(now)s - {IDLE_US}"
OPEN: Final = """INSERT INTO web.session
(id_hash, provider, actor, site, subject, session, sealed, began_at, seen_at, asked_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"""
OF: Final = (
    f"SELECT provider, actor, site, sealed, seen_at, asked_at FROM web.session WHERE id_hash = %(id)s AND {LIVE}"
)
SEEN: Final = "UPDATE web.session SET seen_at = greatest(seen_at, %s) WHERE id_hash = %s"
CLAIM: Final = """UPDATE web.session SET asked_at = %(then)s
WHERE id_hash = %(id)s AND asked_at < %(now)s - %(old)s RETURNING id_hash"""
KEEP: Final = "UPDATE web.session SET sealed = %s, asked_at = %s WHERE id_hash = %s"
BECOME: Final = f"""UPDATE web.session SET id_hash = %(new)s, actor = %(actor)s, site = %(site)s, sealed = %(sealed)s
WHERE id_hash = %(id)s AND {LIVE}"""
END: Final = "DELETE FROM web.session WHERE id_hash = %s"
END_OVER: Final = f"DELETE FROM web.session WHERE NOT ({LIVE})"
END_OF: Final = """DELETE FROM web.session WHERE (%(subject)s::bytea IS NULL OR subject = %(subject)s)
AND (%(session)s::bytea IS NULL OR session = %(session)s OR (session IS NULL AND %(subject)s::bytea IS NOT NULL))"""
"""One whose own name the provider never told ends with everything that is theirs."""
USE: Final = "INSERT INTO web.logout (token, until) VALUES (%s, %s) ON CONFLICT DO NOTHING RETURNING token"
FORGET: Final = "DELETE FROM web.logout WHERE until < %s"
GIVE: Final = """INSERT INTO web.reason (id_hash, identity_id, sealed) SELECT id_hash, %s, %s FROM web.session
WHERE id_hash = %s ON CONFLICT (id_hash, identity_id) DO UPDATE SET sealed = excluded.sealed"""
GIVEN: Final = "SELECT identity_id::text, sealed FROM web.reason WHERE id_hash = %s AND identity_id = ANY(%s::uuid[])"


@dataclass(frozen=True)
class Session:
    """One session. ``hash``: of its id; ``actor``: None while they choose; ``kept``: what was sealed in it;
    ``due``: the provider is to be asked whether its own session goes on.
    """

    hash: bytes
    provider: str
    actor: str | None
    site: str | None
    kept: Mapping[str, Any] = field(repr=False)
    due: bool = False


class Sessions:
    """All sessions of a ledger. ``now``: µs since 1970. Safe to share between threads. Raises psycopg2.Error; Busy."""

    def __init__(self, pool: Pool, sealing: Sealing, now: Callable[[], int]) -> None:
        self._pool, self._sealing, self._now = pool, sealing, now

    def open(
        self,
        provider: str,
        *,
        subject: str,
        session: str | None,
        actor: str | None,
        site: str | None,
        kept: Mapping[str, Any],
    ) -> str:
        """A new session's id. ``subject``, ``session``: as the provider names who signed in, and its own session."""
        made, now = new_id(), self._now()
        place = hashed(made)
        named = [self._sealing.named(kind, provider, name) if name else None for kind, name in _named(subject, session)]
        sealed = self._sealing.seal(kept, _place(place, provider, actor, site))
        with self._pool.transaction() as cursor:
            cursor.execute(END_OVER, {"now": now})
            cursor.execute(OPEN, (place, provider, actor, site, *named, sealed, now, now, now))
        return made

    def of(self, id: str, *, using: bool = True) -> Session | None:
        """The session with that id, while it is one. ``using``: somebody asked for something in it."""
        if not ID.fullmatch(id):
            return None
        place, now = hashed(id), self._now()
        found = self._pool.read(OF, {"id": place, "now": now})
        if not found:
            return None
        ((provider, actor, site, sealed, seen_at, asked_at),) = found
        if using and now - seen_at > SEEN_US:
            self._pool.read(SEEN, (now, place))
        try:
            kept = self._sealing.open(bytes(sealed), _place(place, provider, actor, site))
        except Broken:
            return None
        return Session(place, provider, actor, site, kept, now - asked_at > ASK_US)

    def become(self, id: str, session: Session, *, actor: str, site: str | None, kept: Mapping[str, Any]) -> str | None:
        """The session goes on under another id, as that actor; None: it has ended meanwhile."""
        made = new_id()
        place = hashed(made)
        values = {"id": hashed(id), "new": place, "actor": actor, "site": site, "now": self._now()}
        sealed = self._sealing.seal(kept, _place(place, session.provider, actor, site))
        with self._pool.transaction() as cursor:
            cursor.execute(BECOME, values | {"sealed": sealed})
            return made if cursor.rowcount else None

    def claim(self, session: Session) -> bool:
        """Whether the caller is to ask the provider: one does, and another a minute later where that was in vain."""
        now = self._now()
        values = {"id": session.hash, "now": now, "old": ASK_US, "then": now - ASK_US + AGAIN_US}
        return bool(self._pool.read(CLAIM, values))

    def keep(self, session: Session, kept: Mapping[str, Any]) -> None:
        """Keep what the provider gave in its place."""
        place = _place(session.hash, session.provider, session.actor, session.site)
        self._pool.read(KEEP, (self._sealing.seal(kept, place), self._now(), session.hash))

    def end(self, id: str) -> None:
        """End it, if it is there."""
        self._pool.read(END, (hashed(id),))

    def end_of(self, provider: str, token: str, until: float, subject: str | None, session: str | None) -> int | None:
        """End what ended at the provider; returns how many there were. None: that logout token was used before."""
        named = [self._sealing.named(kind, provider, name) if name else None for kind, name in _named(subject, session)]
        if named == [None, None]:
            return 0
        used, now = self._sealing.named("token", provider, token), self._now()
        with self._pool.transaction() as cursor:
            cursor.execute(FORGET, (now - IDLE_US,))
            cursor.execute(USE, (used, int(until * SECOND_US)))
            if not cursor.fetchall():
                return None
            cursor.execute(END_OF, dict(zip(("subject", "session"), named, strict=True)))
            return int(cursor.rowcount)

    def give_reason(self, session: Session, identity: str, reason: str) -> None:
        """Keep why they ask about the person who has this identity, until the session ends."""
        sealed = self._sealing.seal({"reason": reason}, session.hash + identity.encode())
        self._pool.read(GIVE, (identity, sealed, session.hash))

    def reason_given(self, session: Session, identities: Collection[str]) -> str | None:
        """Why they ask about the person who has one of these identities; None: they did not say."""
        for identity, sealed in self._pool.read(GIVEN, (session.hash, list(identities))):
            try:
                return str(self._sealing.open(bytes(sealed), session.hash + identity.encode())["reason"])
            except Broken:
                continue
        return None


def new_id() -> str:
    """256 random bits, as text."""
    return urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()


def hashed(id: str) -> bytes:
    """What the database has of an id."""
    return hashlib.sha256(id.encode()).digest()


def _place(hash: bytes, provider: str, actor: str | None, site: str | None) -> bytes:
    """Where a session's part is sealed: whoever writes to the table makes nobody another."""
    return hash + json.dumps([provider, actor, site]).encode()


def _named(subject: str | None, session: str | None) -> tuple[tuple[str, str | None], ...]:
    return (("subject", subject), ("session", session))
