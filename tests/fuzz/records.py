"""Kafka records that others wrote among the ledger's own: each is a dead letter, and views hold what the ledger says.

A view's store on a real PostgreSQL reads them, with the real vault and the check against the event store; and so do the
relay, a subscriber's replay and the verification.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from random import Random
from typing import Any, Final

import psycopg2

from adapters.eventstore import tables
from adapters.vault.file_key import FileKey
from adapters.vault.postgres import PostgresVault
from adapters.vault.ring import Ring
from domain.errors import SealBroken
from krypton import bootstrap
from projections.engine.projection import Projection, schema_of
from projections.engine.store import ViewStore
from projections.identity_index.view import IdentityIndex
from projections.versions import creation
from schemas.codec import Codec, NotAnEvent
from schemas.event import Record
from schemas.registry import UnknownSchema, registry
from streams.processor.dead_letter_topic import DeadLetterTopic
from streams.reading import record_source
from streams.reading.events import Wanted, events_of
from streams.relay import own_records
from streams.relay.outgoing import Addresser, Stored
from tests.fakes.region import Region
from tests.fuzz.events import HUGE, varint
from tests.fuzz.frame import Wrong
from tests.fuzz.mutate import havoc, odd_text

NULL: Final[Any] = None
"""Kafka allows it as key, value and header; no record of the ledger has it."""
PERSONS: Final = 12
DECLARED: Final = (NotAnEvent, UnknownSchema, SealBroken)
MOST: Final = 12  # records of others in one input
POSITIONS: Final = (
    "",
    "0",
    "1",
    "7",
    "99999",
    "-1",
    "9" * 18,
    "9" * 19,
    "9" * 20,
    "9" * 5_000,
    " 3",
    "3 ",
    "1_0",
    "٣",
    "0x1",
    "1e3",
)
NAMES: Final = ("position", "version", "ce_id", "ce_type", "", "a\0b", "x" * 3_000, "\ufffd", "🖖")


class Records:
    """See the module. ``url``: an empty database."""

    name = "records"

    def __init__(self, url: str) -> None:
        self._url = url
        self._region = Region()
        for number in range(PERSONS):
            self._region.register(local_id=f"{number}", given="Durandine", birth_date="1980-01-02")
        for number in range(4):
            self._region.receive(study_uid=f"2.25.{number}", local_id=f"{number}")
        self._projection: Projection = IdentityIndex()
        self._stored = _stored(self._region)
        self._own = self._published()
        self._prepare()
        self._store = ViewStore(self._projection, self._codec, url, bootstrap.genuine())
        self._honest = self._rows_of([])

    def _published(self) -> list[Record]:
        addresser = Addresser.of(registry())
        sent = [addresser.outgoing(one) for one in self._stored.values()]
        return [
            Record(one.topic, one.partition, 0, one.key, one.value, tuple(one.headers))
            for one in sent
            if one.topic in self._projection.topics
        ]

    def _prepare(self) -> None:
        tables.create(self._url)
        master = FileKey(os.urandom(32))
        self._vault = PostgresVault(self._url, Ring.of(master), beside_events=True)
        self._vault.create()
        self._codec = Codec(registry(), self._vault)
        creation.create(self._url, self._projection)
        with closing(psycopg2.connect(self._url)) as connection, connection, connection.cursor() as cursor:
            cursor.executemany(
                f"INSERT INTO {tables.EVENTS} VALUES (%s, %s, %s, '', %s)",
                [(one.position, one.aggregate_id, one.version, one.state) for one in self._stored.values()],
            )
            for subject, key in self._region.memory_vault.keys.items():
                assert key is not None
                wrapped = master.wrap(subject, key)
                cursor.execute("INSERT INTO vault.subject_key (subject, wrapped) VALUES (%s, %s)", (subject, wrapped))

    def _written(self, some: Sequence[tuple[int, Record]]) -> bytes:
        """As JSON; the bytes of an own record by its number, for seals differ from run to run."""
        own = {one.value: at for at, one in enumerate(self._own)}
        return json.dumps(
            [
                [at, one.topic, one.partition, _hex(one.key), own.get(one.value, _hex(one.value)), _hexes(one.headers)]
                for at, one in some
            ]
        ).encode()

    def _read(self, given: bytes) -> list[tuple[int, Record]]:
        found = []
        for at, topic, partition, key, value, headers in json.loads(given):
            bytes_of = self._own[value].value if isinstance(value, int) else _bytes(value)
            named = tuple((name, _bytes(content)) for name, content in headers)
            found.append((at, Record(topic, partition, 0, _bytes(key), bytes_of, named)))
        return found

    def close(self) -> None:
        """See ``Target``."""
        self._store.close()
        self._vault.close()

    def seeds(self) -> Sequence[bytes]:
        """Nothing of others; and each of the ledger's records once more."""
        return [b"[]", *(self._written([(at, one)]) for at, one in enumerate(self._own))]

    def changed(self, given: bytes, other: bytes, random: Random) -> bytes:
        """One record more, or another change of one that is there."""
        some = self._read(given)
        if some and random.random() < 0.6:
            at = random.randrange(len(some))
            some[at] = (some[at][0], _odd(some[at][1], random))
        elif random.random() < 0.3:
            some += self._read(other)
        else:
            some.append((random.randrange(len(self._own) + 1), _odd(random.choice(self._own), random)))
        return self._written(some[-MOST:])

    def answer(self, given: bytes) -> str:
        """Apply all, in order, in batches, some of them twice; then see what the view holds, and what was put aside."""
        others = self._read(given)
        rows = self._rows_of(others)
        if rows != self._honest:
            raise Wrong("rows: the view holds something else than the ledger says")
        letters = self._letters()
        repeats = sum(1 for _, one in others if _is_own(one, self._own))
        if len(letters) > len(others) or len(letters) < len(others) - repeats:
            raise Wrong(f"letters: {len(others)} records of others, {len(letters)} dead letters")
        self._others_read(others)
        return str(sorted({re.sub("[0-9]+", "N", reason) for reason in letters}))[:300]

    def _rows_of(self, others: Sequence[tuple[int, Record]]) -> dict[str, list[Any]]:
        self._forget()
        random, batches = Random(len(others)), list(_batches(_merged(self._own, others)))
        self._store.positions()
        for number, batch in enumerate(batches):
            self._store.apply(batch)
            if random.random() < 0.3 and self._store.apply(batches[random.randrange(number + 1)]):
                raise Wrong("repeats: a record that was delivered again counts as new")
        return self._rows()

    def _forget(self) -> None:
        names = [f'"{schema_of(self._projection)}"."{table.name}"' for table in self._projection.tables.sorted_tables]
        with closing(psycopg2.connect(self._url)) as connection, connection, connection.cursor() as cursor:
            cursor.execute("DELETE FROM views.position; DELETE FROM views.parked_key; DELETE FROM views.dead_letter")
            for name in reversed(names):
                cursor.execute(f"DELETE FROM {name}")

    def _rows(self) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = {}
        with closing(psycopg2.connect(self._url)) as connection, connection.cursor() as cursor:
            for table in self._projection.tables.sorted_tables:
                cursor.execute(f'SELECT * FROM "{schema_of(self._projection)}"."{table.name}"')
                found[table.name] = sorted(map(repr, cursor.fetchall()))
        return found

    def _letters(self) -> list[str]:
        """The reasons of what was put aside; each is published too."""
        reasons = []
        topic = DeadLetterTopic(self._store, "")
        while letters := self._store.unpublished(100):
            for letter in letters:
                for name, value in topic._headers(letter):
                    name.encode(), bytes(value)
                reasons.append(letter.reason)
                if "Durandine" in letter.reason or "FICTIVE" in letter.reason:
                    raise Wrong("a name: in the reason of a dead letter")
            self._store.published([letter.id for letter in letters])
        return reasons

    def _others_read(self, others: Sequence[tuple[int, Record]]) -> None:
        """The relay's, a subscriber's and the verification's readers of the same records."""
        every = _numbered(_merged(self._own, others))
        own_records.judged(every, _Rows(self._stored), Addresser.of(registry()))
        by_place: dict[tuple[str, int], list[Record]] = {}
        for record in every:
            by_place.setdefault((record.topic, record.partition), []).append(record)
        for (topic, partition), records in by_place.items():
            with suppress(*DECLARED):
                list(events_of([records], self._codec, Wanted.of(registry(), None, None, 1, None)))
            part = record_source.Part(topic, partition, iter([records]))
            seen = sum(1 for chunk in part.chunks(record_source.HIGHEST) for _ in chunk)
            if seen > len(records):
                raise Wrong("verification: reads more records than there are")


class _Rows:
    """The event store, as the relay looks events up."""

    def __init__(self, stored: Mapping[int, Stored]) -> None:
        self._stored = stored

    def rows_at(self, positions: Sequence[int]) -> dict[int, Stored]:
        """See ``own_records.Store``."""
        return {at: self._stored[at] for at in positions if at in self._stored}


def _stored(region: Region) -> dict[int, Stored]:
    found = region.recorder.select_notifications(0, 1_000_000, inclusive_of_start=False)
    return {
        int(one.id): Stored(int(one.id), str(one.originator_id), one.originator_version, one.state) for one in found
    }


def _merged(own: Sequence[Record], others: Sequence[tuple[int, Record]]) -> list[Record]:
    """A copy of the ledger's bytes comes after them: before, nobody but the relay has them."""
    copies = {one.value: at + 1 for at, one in enumerate(own)}
    places = [min(max(place, copies.get(one.value, 0)), len(own)) for place, one in others]
    found = []
    for at in range(len(own) + 1):
        found += [one for place, (_, one) in zip(places, others, strict=True) if place == at]
        found += own[at : at + 1]
    return found


def _numbered(records: Sequence[Record]) -> list[Record]:
    """As Kafka numbers them."""
    ends: dict[tuple[str, int], int] = {}
    found = []
    for one in records:
        place = one.topic, one.partition
        found.append(one._replace(offset=ends.get(place, 0)))
        ends[place] = found[-1].offset + 1
    return found


def _batches(records: Sequence[Record]) -> Iterator[list[Record]]:
    numbered = _numbered(records)
    for start in range(0, len(numbered), 7):
        yield numbered[start : start + 7]


def _is_own(one: Record, own: Sequence[Record]) -> bool:
    """Whether it says nothing but what the ledger's record says: then it is a repeat, and passed over."""
    return any(one.value == each.value for each in own)


def _odd(one: Record, random: Random) -> Record:
    headers: list[Any] = list(one.headers)
    match random.randrange(9):
        case 0:
            return one._replace(key=random.choice((NULL, b"", b"\xff\0", b"k" * 40)))
        case 1:
            return one._replace(
                value=random.choice((NULL, b"", b"\0", (one.value or b"")[:-1], (one.value or b"") + b"\0"))
            )
        case 2:
            value = one.value or b""
            return one._replace(value=value[:5] + havoc(value[5:], value, random))
        case 3:
            value = one.value or b""
            at = random.randrange(5, len(value)) if len(value) > 5 else 0
            return one._replace(value=value[:at] + varint(random.choice(HUGE)) + value[at + 1 :])
        case 4:
            return one._replace(
                headers=tuple((n, random.choice(POSITIONS).encode() if n == "position" else v) for n, v in headers)
            )
        case 5 if headers:
            at = random.randrange(len(headers))
            headers[at] = (
                headers[at][0],
                random.choice((None, b"", odd_text(random).encode(errors="replace")[:9_000])),
            )
            return one._replace(headers=tuple(headers))
        case 6 if headers:
            del headers[random.randrange(len(headers))]
            return one._replace(headers=tuple(headers))
        case 7:
            headers.insert(
                random.randrange(len(headers) + 1), (random.choice(NAMES), random.choice((None, b"3", b"\xff")))
            )
            return one._replace(headers=tuple(headers))
        case _:
            return one._replace(partition=random.randrange(8))


def _hex(value: bytes | None) -> str | None:
    return None if value is None else value.hex()


def _hexes(headers: Sequence[tuple[str, bytes | None]]) -> list[list[str | None]]:
    return [[name, _hex(content)] for name, content in headers]


def _bytes(text: str | None) -> Any:
    """Kafka allows a null key, value and header, which no record of the ledger has."""
    return None if text is None else bytes.fromhex(text)
