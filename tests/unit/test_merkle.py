"""The Merkle tree: known roots, an independent implementation, and what no change may pass."""

import warnings
from collections.abc import Callable, Sequence
from math import ceil, log2
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.proofs.merkle import (
    EMPTY_ROOT,
    ProofWrong,
    Tree,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    leaf_hashes,
    root_from,
    root_of,
    verify_consistency,
    verify_inclusion,
)

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import pymerkle  # type: ignore[import-untyped]  # it ships no types

# The eight inputs of the reference tests of Certificate Transparency, and the roots of their first n.
INPUTS = [bytes.fromhex(raw) for raw in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
)]  # fmt: skip
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
SIZES = st.integers(1, 300)


def leaves(size: int) -> list[bytes]:
    return leaf_hashes([b"%d" % n for n in range(size)])


def node_of(hashes: Sequence[bytes]) -> Callable[[int, int], bytes]:
    return lambda level, index: root_of(hashes[index << level : (index + 1) << level])


def plain_root(hashes: Sequence[bytes]) -> bytes:
    """As RFC 9162 §2.1.1 defines it, word for word."""
    from hashlib import sha256

    if not hashes:
        return sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    middle = 1 << (len(hashes) - 1).bit_length() - 1
    return sha256(b"\1" + plain_root(hashes[:middle]) + plain_root(hashes[middle:])).digest()


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_those_of_the_reference_tests_of_certificate_transparency(size: int) -> None:
    assert root_of(leaf_hashes(INPUTS[:size])).hex() == ROOTS[size - 1]


def test_the_empty_tree_has_the_hash_of_nothing_as_its_root() -> None:
    assert Tree().root() == EMPTY_ROOT
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


# Audit paths of the reference tests: leaf, size, hashes (RFC 6962 §2.1.3 draws the tree of seven).
PATHS = [
    (0, 8, ["96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"]),
    (5, 8, ["bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"]),
    (2, 3, ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
    (1, 5, ["6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"]),
]  # fmt: skip
CONSISTENT = [
    (1, 8, ["96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"]),
    (6, 8, ["0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"]),
    (2, 5, ["5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"]),
]  # fmt: skip


@pytest.mark.parametrize(("index", "size", "hashes"), PATHS)
def test_inclusion_proofs_are_those_of_the_reference_tests(index: int, size: int, hashes: list[str]) -> None:
    held = leaf_hashes(INPUTS[:size])
    assert [one.hex() for one in inclusion_proof(node_of(held), index, size)] == hashes


@pytest.mark.parametrize(("first", "second", "hashes"), CONSISTENT)
def test_consistency_proofs_are_those_of_the_reference_tests(first: int, second: int, hashes: list[str]) -> None:
    held = leaf_hashes(INPUTS[:second])
    assert [one.hex() for one in consistency_proof(node_of(held), first, second)] == hashes


@given(SIZES, st.lists(st.integers(0, 300), max_size=4))
def test_a_tree_that_grows_in_any_steps_has_the_root_of_the_definition(size: int, steps: list[int]) -> None:
    hashes, tree, at = leaves(size), Tree(), 0
    for step in [*steps, size]:
        tree.append(hashes[at : at + step])
        at = min(size, at + step)
    assert (tree.size, tree.root()) == (size, plain_root(hashes))


@given(st.data(), SIZES)
def test_a_proof_holds_and_is_no_longer_than_the_tree_is_high(data: st.DataObject, size: int) -> None:
    hashes = leaves(size)
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(node_of(hashes), index, size)
    verify_inclusion(index, size, hashes[index], proof, root_of(hashes))
    assert len(proof) <= ceil(log2(size))


@given(st.data(), SIZES)
def test_a_larger_tree_is_proven_to_begin_with_each_smaller_one(data: st.DataObject, size: int) -> None:
    hashes = leaves(size)
    first = data.draw(st.integers(0, size))
    proof = consistency_proof(node_of(hashes), first, size)
    verify_consistency(first, size, root_of(hashes[:first]), root_of(hashes), proof)
    assert root_from(node_of(hashes), first) == root_of(hashes[:first])


def flipped(raw: bytes, bit: int) -> bytes:
    at = bit % (8 * len(raw))
    return raw[: at // 8] + bytes([raw[at // 8] ^ 1 << at % 8]) + raw[at // 8 + 1 :]


@given(st.data(), st.integers(2, 300), st.integers(0, 255))
def test_no_changed_inclusion_proof_holds(data: st.DataObject, size: int, bit: int) -> None:
    """A bit of leaf, root or any hash; a hash more, one less; another place."""
    hashes = leaves(size)
    index = data.draw(st.integers(0, size - 1))
    leaf, root, proof = hashes[index], root_of(hashes), inclusion_proof(node_of(hashes), index, size)
    at = data.draw(st.integers(0, len(proof) - 1))
    wrong: list[tuple[int, int, bytes, list[bytes], bytes]] = [
        (index, size, flipped(leaf, bit), proof, root),
        (index, size, leaf, proof, flipped(root, bit)),
        (index, size, leaf, [*proof[:at], flipped(proof[at], bit), *proof[at + 1 :]], root),
        (index, size, leaf, [*proof, leaf], root),
        (index, size, leaf, proof[:-1], root),
        ((index + 1) % size, size, leaf, proof, root),
        (size, size, leaf, proof, root),
    ]
    for one in wrong:
        with pytest.raises(ProofWrong):
            verify_inclusion(*one)


@given(st.data(), st.integers(2, 300), st.integers(0, 255))
def test_no_changed_consistency_proof_holds(data: st.DataObject, size: int, bit: int) -> None:
    hashes = leaves(size)
    first = data.draw(st.integers(1, size - 1))
    old, new = root_of(hashes[:first]), root_of(hashes)
    proof = consistency_proof(node_of(hashes), first, size)
    at = data.draw(st.integers(0, len(proof) - 1))
    wrong: list[tuple[int, int, bytes, bytes, list[bytes]]] = [
        (first, size, flipped(old, bit), new, proof),
        (first, size, old, flipped(new, bit), proof),
        (first, size, old, new, [*proof[:at], flipped(proof[at], bit), *proof[at + 1 :]]),
        (first, size, old, new, [*proof, old]),
        (first, size, old, new, proof[:-1]),
        (first, size, old, new, []),
        (size, first, new, old, proof),
        (first, first, old, new, []),
    ]
    for one in wrong:
        with pytest.raises(ProofWrong):
            verify_consistency(*one)


@given(st.data(), st.integers(1, 130))
def test_an_independent_implementation_has_our_roots_and_accepts_our_proofs(data: st.DataObject, size: int) -> None:
    theirs = pymerkle.InmemoryTree(algorithm="sha256")
    for n in range(size):
        theirs.append_entry(b"%d" % n)
    hashes = leaves(size)
    root = root_of(hashes)
    index = data.draw(st.integers(0, size - 1))
    proof: Any = theirs.prove_inclusion(index + 1, size)
    assert theirs.get_root() == root
    assert proof.path[1:] == inclusion_proof(node_of(hashes), index, size)
    proof.path = [hashes[index], *inclusion_proof(node_of(hashes), index, size)]
    pymerkle.verify_inclusion(leaf_hash(b"%d" % index), root, proof, index + 1, size)


@given(st.data(), st.integers(1, 130))
def test_an_independent_implementation_proves_our_trees_consistent(data: st.DataObject, size: int) -> None:
    theirs = pymerkle.InmemoryTree(algorithm="sha256")
    for n in range(size):
        theirs.append_entry(b"%d" % n)
    first = data.draw(st.integers(1, size))
    hashes = leaves(size)
    proof = theirs.prove_consistency(first, size)
    pymerkle.verify_consistency(root_of(hashes[:first]), root_of(hashes), proof, first, size)


def test_a_leaf_beyond_the_tree_has_no_proof() -> None:
    with pytest.raises(ValueError, match="leaf 3 is not in a tree of 3"):
        inclusion_proof(node_of(leaves(3)), 3, 3)


def test_a_smaller_tree_does_not_begin_with_a_larger_one() -> None:
    with pytest.raises(ValueError, match="the smaller size first"):
        consistency_proof(node_of(leaves(3)), 3, 2)
