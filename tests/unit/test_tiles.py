"""The log on disk: names and contents as C2SP has them, and whole at whatever moment its writer ends."""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.notary.folder import FolderBusy, TileFolder, TileWriter
from domain.proofs import leaf, tiles
from domain.proofs.merkle import (
    consistency_proof,
    inclusion_proof,
    leaf_hashes,
    root_from,
    root_of,
    verify_consistency,
    verify_inclusion,
)

AGGREGATE = "1b671a64-40d5-491e-99b0-da01ff1f3341"


def entries(count: int, every: int = 1) -> list[bytes]:
    """Of events at each ``every``-th position."""
    return [leaf.entry(n * every, "study.arrived", AGGREGATE, n, b"%d" % n) for n in range(1, count + 1)]


def written(root: Path, made: Sequence[bytes], step: int = 1_000) -> TileFolder:
    writer = TileWriter(root)
    for at in range(0, len(made), step):
        page = made[at : at + step]
        writer.append(page, leaf_hashes(page))
        writer.flush()
    writer.close()
    return TileFolder(root, len(made))


@pytest.mark.parametrize(
    ("index", "path"),
    [
        (0, "tile/0/000"),
        (67, "tile/0/067"),
        (1_000, "tile/0/x001/000"),
        (1_234_067, "tile/0/x001/x234/067"),
    ],
)
def test_a_tiles_path_is_that_of_c2sp(index: int, path: str) -> None:
    assert tiles.path(0, index) == path


def test_partial_tiles_and_bundles_have_their_width_in_their_path() -> None:
    assert tiles.path(0, 273, 112) == "tile/0/273.p/112"
    assert tiles.path("entries", 273, 112) == "tile/entries/273.p/112"


def test_a_tree_of_seventy_thousand_has_the_tiles_that_c2sp_counts() -> None:
    """The example of tlog-tiles, Partial Tiles."""
    widths = [tiles.width_at(70_000, level, index) for level, index in ((0, 272), (0, 273), (1, 0), (1, 1), (2, 0))]
    assert widths == [256, 112, 256, 17, 1]
    assert tiles.width_at(70_000, 0, 274) == tiles.width_at(70_000, 3, 0) == 0


def test_a_tree_of_256_has_a_full_tile_and_a_partial_one_above(tmp_path: Path) -> None:
    written(tmp_path, entries(256))
    files = sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file() and p.name != "lock")
    assert files == ["tile/0/000", "tile/1/000.p/1", "tile/entries/000"]


def test_partial_tiles_go_when_the_full_one_is_there(tmp_path: Path) -> None:
    written(tmp_path, entries(300), step=100)
    assert not (tmp_path / "tile/0/000.p").exists()
    assert (tmp_path / "tile/0/001.p/44").is_file()


@pytest.mark.parametrize("step", [1, 100, 255, 256, 257, 900])
@pytest.mark.parametrize("size", [1, 255, 256, 257, 600])
def test_what_is_written_in_any_steps_is_read_back(tmp_path: Path, size: int, step: int) -> None:
    made = entries(size)
    folder = written(tmp_path, made, max(step, size // 10))
    assert folder.tree().root() == root_from(folder.node, size) == root_of(leaf_hashes(made))
    assert folder.entry(size - 1) == made[-1]


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> TileFolder:
    """Three levels of tiles, every third position."""
    return written(tmp_path_factory.mktemp("log"), entries(66_000, every=3), step=10_000)


@given(st.data())
def test_proofs_from_tiles_hold(large: TileFolder, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, large.size - 1))
    root = root_from(large.node, large.size)
    proof = inclusion_proof(large.node, index, large.size)
    verify_inclusion(index, large.size, leaf_hashes([large.entry(index)])[0], proof, root)
    steps = consistency_proof(large.node, index, large.size)
    verify_consistency(index, large.size, root_from(large.node, index), root, steps)


@given(st.data())
def test_a_position_is_found_among_the_gaps(large: TileFolder, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, 3 * large.size + 5))
    held = position % 3 == 0 and 0 < position <= 3 * large.size
    assert large.index_of(position) == (position // 3 - 1 if held else None)


def test_a_reader_of_an_older_tree_goes_on_while_the_log_grows(tmp_path: Path) -> None:
    """Its partial tile is gone by then: the start of the full one is the same."""
    made = entries(600)
    older = written(tmp_path, made[:100])
    grown = TileWriter(tmp_path)
    grown.begin(TileFolder(tmp_path, 100))
    grown.append(made[100:], leaf_hashes(made[100:]))
    grown.flush()
    grown.close()
    assert root_from(older.node, 100) == root_of(leaf_hashes(made[:100]))
    assert older.entry(99) == made[99]


def test_a_writer_goes_on_from_what_is_there(tmp_path: Path) -> None:
    made = entries(1_000)
    written(tmp_path, made[:700])
    writer = TileWriter(tmp_path)
    writer.begin(TileFolder(tmp_path, 700))
    writer.append(made[700:], leaf_hashes(made[700:]))
    writer.flush()
    writer.close()
    folder = TileFolder(tmp_path, 1_000)
    assert root_from(folder.node, 1_000) == root_of(leaf_hashes(made))
    assert [folder.entry(n) for n in range(1_000)] == made


def test_only_one_writes(tmp_path: Path) -> None:
    writer = TileWriter(tmp_path)
    with pytest.raises(FolderBusy):
        TileWriter(tmp_path)
    writer.close()
    TileWriter(tmp_path).close()


def test_a_missing_or_cut_tile_is_named(tmp_path: Path) -> None:
    folder = written(tmp_path, entries(300))
    (tmp_path / "tile/0/000").write_bytes(b"short")
    (tmp_path / "tile/entries/000").unlink()
    with pytest.raises(tiles.DamagedTile, match="tile/0/000 holds 5 bytes"):
        folder.tile(0, 0)
    with pytest.raises(tiles.DamagedTile, match="tile/entries/000 is missing"):
        folder.entry(0)


def test_a_bundle_that_was_cut_is_damaged() -> None:
    whole = tiles.bundle(entries(3))
    with pytest.raises(tiles.DamagedTile):
        tiles.split_entries(whole[:-1], 3, "tile/entries/000.p/3")


def test_an_entry_is_five_lines_that_name_the_event_and_the_hash_of_its_bytes() -> None:
    made = leaf.entry(12, "link.merged", AGGREGATE, 3, b"bytes")
    assert made == f"12\nlink.merged\n{AGGREGATE}\n3\n{sha256(b'bytes').hexdigest()}".encode()
    assert leaf.parse(made) == (12, "link.merged", AGGREGATE, 3, sha256(b"bytes").hexdigest())


@pytest.mark.parametrize(
    "event", [(0, "a", AGGREGATE, 1), (1, "", AGGREGATE, 1), (1, "a\nb", AGGREGATE, 1), (1, "a", AGGREGATE.upper(), 1)]
)
def test_what_would_make_an_entry_ambiguous_is_refused(event: tuple[int, str, str, int]) -> None:
    with pytest.raises(leaf.NotAnEntry):
        leaf.entry(*event, b"bytes")
