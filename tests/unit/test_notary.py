"""The notary: signs in time, and never two trees."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from kafka.errors import KafkaConnectionError

from adapters.eventstore.scan import Row
from adapters.notary.folder import TileFolder, TileWriter
from adapters.notary.keys import SigningKey, verified_checkpoint
from domain.errors import LedgerAltered
from domain.proofs.leaf import heading
from domain.proofs.merkle import leaf_hash, root_from, root_of
from domain.proofs.note import Checkpoint, Note, checkpoint_of
from krypton.integrity.signed_tree import entry_of
from krypton.integrity.tree import BURST, EVERY_S, Notary

AGGREGATE = "1b671a64-40d5-491e-99b0-da01ff1f3341"
KEY = SigningKey.new("log.example/ledger")


def rows(count: int, mark: str = "", first: int = 1) -> list[Row]:
    """Events at every second position."""
    return [(heading(2 * n, "study.arrived", AGGREGATE, n), f"{n}{mark}".encode()) for n in range(first, first + count)]


def root(held: Sequence[Row]) -> bytes:
    return root_of([leaf_hash(entry_of(*row)) for row in held])


class Clock:
    """Seconds that a test moves on."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class World:
    """A folder, and what was published of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = Clock()
        self.published: list[Note] = []
        self.away = False

    def publish(self, notes: Sequence[Note]) -> None:
        """To Kafka, if it is there."""
        if self.away:
            raise KafkaConnectionError
        self.published += notes

    @contextmanager
    def notary(self, key: SigningKey = KEY) -> Iterator[Notary]:
        """One that resumed; ends with the block."""
        with closing(TileWriter(self.folder)) as writer:
            notary = Notary(writer, key, self.publish, self.clock)
            notary.resume(self.published[-1] if self.published else None)
            yield notary

    def heads(self) -> list[Checkpoint]:
        """What was published."""
        return [verified_checkpoint(note, KEY.verifier) for note in self.published]

    def latest(self) -> Note:
        """The folder's checkpoint."""
        note = TileFolder(self.folder).checkpoint()
        assert note
        return note


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "log")


def test_a_burst_is_signed_every_thousand_events_at_least(world: World) -> None:
    held = rows(5_000)
    with world.notary() as notary:
        notary.add(held)
        notary.sign()
    sizes = [head.size for head in world.heads()]
    assert sizes[-1] == 5_000
    assert max(after - before for before, after in zip([0, *sizes], sizes, strict=False)) <= 1_000
    assert [head.root for head in world.heads()] == [root(held[:size]) for size in sizes]


def test_a_lone_event_is_signed_within_ten_seconds(world: World) -> None:
    with world.notary() as notary:
        notary.add(rows(1))
        notary.caught_up()
        assert world.heads() == []
        world.clock.now += EVERY_S
        notary.caught_up()
    assert EVERY_S < 10
    assert [head.size for head in world.heads()] == [1]


def test_nothing_is_signed_twice_while_nothing_happens(world: World) -> None:
    with world.notary() as notary:
        notary.add(rows(1))
        for _ in range(5):
            world.clock.now += EVERY_S
            notary.caught_up()
    assert len(world.published) == 1


def test_the_tiles_of_every_checkpoint_are_there(world: World) -> None:
    with world.notary() as notary:
        notary.add(rows(2_000))
        notary.sign()
    for head in world.heads():
        assert root_from(TileFolder(world.folder, head.size).node, head.size) == head.root


def test_a_new_notary_goes_on_where_the_last_one_stopped(world: World) -> None:
    held = rows(3_000)
    with world.notary() as notary:
        notary.add(held[:1_100])
        notary.sign()
    with world.notary() as notary:
        assert (notary.size, notary.after) == (1_100, 2_200)
        notary.add(held[1_100:])
        notary.sign()
    assert world.heads()[-1] == Checkpoint(KEY.name, 3_000, root(held))


def test_events_after_the_last_checkpoint_are_read_again_after_a_crash(world: World) -> None:
    """The tiles on disk may be ahead of the checkpoint, or behind what was in memory."""
    held = rows(1_000)
    with world.notary() as notary:
        notary.add(held)
        notary.writer.flush()
    with world.notary() as notary:
        assert notary.size == BURST
        notary.add(held[BURST:])
        notary.sign()
    assert world.heads()[-1].root == root(held)


LOST: dict[str, Callable[[Path], object]] = {
    "a tile": lambda folder: (folder / "tile/0/001").unlink(),
    "the top": lambda folder: next(folder.glob("tile/1/000.p/*")).write_bytes(bytes(32)),
    "an entry": lambda folder: next(folder.glob("tile/entries/003.p/*")).write_bytes(b"\0\1x" * 232),
    "the checkpoint": lambda folder: (folder / "checkpoint").write_text("nonsense"),
}


@pytest.mark.parametrize("lose", LOST.values(), ids=LOST)
def test_lost_tiles_are_rebuilt_from_the_event_store(world: World, lose: Callable[[Path], object]) -> None:
    held = rows(1_000)
    with world.notary() as notary:
        notary.add(held)
        notary.sign()
    lose(world.folder)
    with world.notary() as notary:
        notary.add([row for row in held if int(row[0].split(b"\n")[0]) > notary.after])
        notary.sign()
    assert root_from(TileFolder(world.folder, 1_000).node, 1_000) == root(held)


def signed_then(world: World, folder_too: bool = True) -> None:
    with world.notary() as notary:
        notary.add(rows(1_000))
        notary.sign()
    (world.folder / "checkpoint").unlink()
    if not folder_too:
        world.published.clear()


def test_no_second_tree_is_signed_when_the_event_store_was_rewritten(world: World) -> None:
    """The folder is gone; what was published is still a promise."""
    signed_then(world)
    before = list(world.published)
    with world.notary() as notary, pytest.raises(LedgerAltered, match="rewritten, nothing is signed"):
        notary.add(rows(500) + rows(2_000, "x", first=501))
    assert world.published == before
    assert not (world.folder / "checkpoint").exists()


def test_no_smaller_tree_is_signed_when_the_end_of_the_event_store_is_gone(world: World) -> None:
    signed_then(world)
    before = list(world.published)
    with world.notary() as notary:
        notary.add(rows(900))
        with pytest.raises(LedgerAltered, match=r"holds 900 events, but .* covers 1000"):
            notary.caught_up()
    assert world.published == before


def test_the_folders_tree_must_be_the_published_one(world: World, tmp_path: Path) -> None:
    other = World(tmp_path / "other")
    with other.notary() as notary:
        notary.add(rows(300, "x"))
        notary.sign()
    with world.notary() as notary:
        notary.add(rows(900))
        notary.sign()
    world.published = other.published
    with pytest.raises(LedgerAltered, match="one of the two is forged"), world.notary():
        pass


def test_two_heads_of_one_size_with_other_roots_are_not_gone_on_from(world: World, tmp_path: Path) -> None:
    other = World(tmp_path / "other")
    for each, mark in ((world, ""), (other, "x")):
        with each.notary() as notary:
            notary.add(rows(10, mark))
            notary.sign()
    world.published = other.published
    with pytest.raises(LedgerAltered, match="have different roots"), world.notary():
        pass


def test_a_folder_that_another_key_signed_is_not_gone_on_from(world: World) -> None:
    with world.notary() as notary:
        notary.add(rows(10))
        notary.sign()
    with pytest.raises(LedgerAltered, match="bring back the key"), world.notary(SigningKey.new(KEY.name)):
        pass


def test_checkpoints_wait_for_a_kafka_that_is_away(world: World) -> None:
    world.away = True
    with world.notary() as notary:
        notary.add(rows(2 * BURST))
        assert checkpoint_of(world.latest().text).size == 2 * BURST
        world.away = False
        notary.caught_up()
    assert [head.size for head in world.heads()] == [BURST, 2 * BURST]


def test_a_checkpoint_that_was_not_published_before_a_crash_is_published_after_it(world: World) -> None:
    world.away = True
    with world.notary() as notary:
        notary.add(rows(BURST))
    world.away = False
    with world.notary() as notary:
        notary.caught_up()
    assert [head.size for head in world.heads()] == [BURST]


def test_an_empty_ledger_has_a_checkpoint_too(world: World) -> None:
    with world.notary() as notary:
        notary.sign()
    assert [head.size for head in world.heads()] == [0]
