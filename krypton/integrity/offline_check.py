"""Offline verification of proofs: needs only the proof's text, the log's public key and the witnesses' keys.

It uses no database, no Kafka and no log folder. Each function raises LedgerAltered if the proof is invalid.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from typing import Any

from adapters.notary.keys import SignatureWrong, cosigned_by_all, verified_checkpoint
from domain.errors import LedgerAltered
from domain.proofs.inclusion import parse_consistency, parse_inclusion
from domain.proofs.note import Note, VerifierKey
from domain.times import iso

Document = dict[str, Any]
SECOND_US = 1_000_000


def event_in_tree(
    content: str, key: VerifierKey, witnesses: Sequence[VerifierKey] = (), stored: bytes | None = None
) -> Document:
    """Verify an inclusion proof from ``audit prove POSITION``; returns the event's entry. ``stored``: the event's
    bytes, if they are to be compared too.
    """
    with _sentence():
        proof = parse_inclusion(content)
        head = verified_checkpoint(proof.checkpoint, key)
        entry = proof.check()
        seen = _seen(proof.checkpoint, witnesses)
    if stored is not None and sha256(stored).hexdigest() != entry.digest:
        raise LedgerAltered(f"the file does not contain the bytes of the event at position {entry.position}")
    return entry._asdict() | {"index": proof.index, "size": head.size, "root": head.root.hex()} | seen


def only_grew(content: str, old: Note, key: VerifierKey, witnesses: Sequence[VerifierKey] = ()) -> Document:
    """Verify a consistency proof from ``audit prove --from`` against the kept checkpoint ``old``; returns both tree
    heads.
    """
    with _sentence():
        first = verified_checkpoint(old, key)
        steps = parse_consistency(content)
        second = verified_checkpoint(steps.checkpoint, key)
        steps.after(first).check()
        seen = _seen(steps.checkpoint, witnesses)
    roots = {"from_root": first.root.hex(), "to_root": second.root.hex()}
    return {"from": first.size, "to": second.size, **roots, **seen}


def _seen(note: Note, witnesses: Sequence[VerifierKey]) -> Document:
    """Which of these witnesses cosigned the checkpoint, and when; all of them must have."""
    if not witnesses:
        return {}
    return {"cosigned": {name: iso(at_s * SECOND_US) for name, at_s in cosigned_by_all(note, witnesses).items()}}


@contextmanager
def _sentence() -> Iterator[None]:
    try:
        yield
    except (SignatureWrong, ValueError) as wrong:
        raise LedgerAltered(f"the proof is not valid: {wrong}") from None
