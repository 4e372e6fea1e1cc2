#!/usr/bin/env python3
"""Checks an export of the Krypton ledger offline: ``python -I verify.py [FOLDER] [--key KEY]``.

Needs Python 3.11 or later and the package ``cryptography``; neither Krypton, nor a database, nor a network. It checks

1. the checkpoint's signature (Ed25519, C2SP signed note) and that it is of the log that the key names;
2. that every event is a leaf of the signed tree (RFC 9162, inclusion), at its position, with exactly the stored bytes;
3. that what ``events.jsonl`` and the Avro files say is what those bytes say, by the schemas that this program knows;
4. that each aggregate's history begins at its first event and has no gaps, and that no file was added or lost.

It cannot show that the newest events of an aggregate, or a whole aggregate, are missing from the export: a log proves
what is in it. Take the key from the operator by another way than this folder, and give it with ``--key``.
"""

import argparse
import base64
import json
import struct
import sys
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

SCHEMAS: dict[str, str] = {}  # schema id: SHA-256 of its file; filled in when exported


Key = tuple[str, bytes, Ed25519PublicKey]  # name, key id, public key


class Wrong(Exception):
    """What is invalid, and where."""


def check(holds: object, what: str) -> None:
    """Raises Wrong."""
    if not holds:
        raise Wrong(what)


def key_of(text: str) -> Key:
    """Parse ``<name>+<key id>+<base64 of type and key>``."""
    name, ident, encoded = text.strip().split("+", 2)
    raw = base64.b64decode(encoded, validate=True)
    check(len(raw) == 33 and raw[0] == 1, "the key is not a log's Ed25519 key")
    key_id = sha256(name.encode() + b"\n" + raw).digest()[:4]
    check(key_id.hex() == ident, "the key was copied wrongly: its id does not fit")
    return name, key_id, Ed25519PublicKey.from_public_bytes(raw[1:])


def checkpoint_of(note: str, key: Key) -> tuple[int, bytes]:
    """Size and root, after the signature is verified (C2SP signed-note, tlog-checkpoint)."""
    name, key_id, public = key
    text, _, signatures = note.rpartition("\n\n")
    text += "\n"
    for line in signatures.splitlines():
        dash, signer, blob = line.split(" ")
        raw = base64.b64decode(blob, validate=True)
        if (dash, signer, raw[:4]) == ("\u2014", name, key_id):
            try:
                public.verify(raw[4:], text.encode())
            except InvalidSignature:
                raise Wrong(f"checkpoint: the signature of {name} is not valid") from None
            origin, size, root = text.split("\n")[:3]
            check(origin == name, f"checkpoint: it is of log {origin}, not of {name}")
            return int(size), base64.b64decode(root, validate=True)
    raise Wrong(f"checkpoint: it is not signed by {name}")


def included(index: int, size: int, leaf: bytes, proof: list[bytes], root: bytes) -> bool:
    """Whether a leaf hash is leaf ``index`` of the tree of ``size`` leaves with that root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    at, last, found = index, size - 1, leaf
    for step in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            found = sha256(b"\1" + step + found).digest()
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = sha256(b"\1" + found + step).digest()
        at, last = at >> 1, last >> 1
    return last == 0 and found == root


def leaf_of(event: dict[str, Any], stored: bytes) -> bytes:
    """The hash of the event's entry: five lines, the last of which is the hash of the stored bytes."""
    lines = (event["position"], event["type"], event["aggregate_id"], event["version"], sha256(stored).hexdigest())
    return sha256(b"\0" + "\n".join(map(str, lines)).encode()).digest()


class Body:
    """Reads values of an Avro schema from bytes (Avro 1.12, binary encoding)."""

    def __init__(self, raw: bytes) -> None:
        self.raw, self.at = raw, 0

    def take(self, count: int) -> bytes:
        """The next ``count`` bytes."""
        check(0 <= count <= len(self.raw) - self.at, "the bytes end within a value")
        self.at += count
        return self.raw[self.at - count : self.at]

    def long(self) -> int:
        """An int or long."""
        value = shift = 0
        while True:
            (byte,) = self.take(1)
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return (value >> 1) ^ -(value & 1)
            shift += 7

    def blocks(self, one: Callable[[], Any]) -> Iterator[Any]:
        """The items of an array or map."""
        while count := self.long():
            if count < 0:
                count = -count
                self.long()
            for _ in range(count):
                yield one()

    def value(self, schema: Any) -> Any:
        """Any value; bytes are sealed fields, shown in base64."""
        if isinstance(schema, list):
            branch = self.long()
            check(0 <= branch < len(schema), "a union has no such branch")
            return self.value(schema[branch])
        kind = schema["type"] if isinstance(schema, dict) else schema
        if isinstance(kind, (dict, list)):
            return self.value(kind)
        match kind:
            case "null":
                return None
            case "boolean":
                return self.take(1) == b"\1"
            case "int" | "long":
                return self.long()
            case "double":
                return struct.unpack("<d", self.take(8))[0]
            case "string":
                return self.take(self.long()).decode()
            case "bytes":
                return {"sealed": base64.b64encode(self.take(self.long())).decode()}
            case "record":
                return {field["name"]: self.value(field["type"]) for field in schema["fields"]}
            case "array":
                return list(self.blocks(lambda: self.value(schema["items"])))
            case "map":
                return dict(self.blocks(lambda: (self.take(self.long()).decode(), self.value(schema["values"]))))
        raise Wrong(f"the schema uses {kind}, which this program does not read")


def decoded(stored: bytes, schemas: dict[str, Any]) -> tuple[str, Any]:
    """The schema id and the fields of stored bytes: 0x00, the id as four bytes, the Avro body."""
    check(len(stored) > 5 and stored[0] == 0, "the stored bytes are not in the ledger's format")
    ident = str(int.from_bytes(stored[1:5], "big"))
    check(ident in schemas, f"schema {ident} is not in the export")
    body = Body(stored[5:])
    fields = body.value(schemas[ident])
    check(body.at == len(body.raw), "the stored bytes hold more than the event")
    return ident, fields


def container(raw: bytes) -> tuple[Any, list[bytes]]:
    """The objects of an uncompressed Avro container file, as bytes: one object per block."""
    body = Body(raw)
    check(body.take(4) == b"Obj\1", "no Avro container file")
    header = dict(body.blocks(lambda: (body.take(body.long()).decode(), body.take(body.long()))))
    sync = body.take(16)
    found = []
    while body.at < len(raw):
        check(body.long() == 1, "more than one object in a block")
        found.append(body.take(body.long()))
        check(body.take(16) == sync, "a block's end is damaged")
    return json.loads(header["avro.schema"]), found


def listed(folder: Path) -> dict[str, Any]:
    """The manifest, after every listed file was checked."""
    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    there -= {"manifest.json", "verify.py"}
    check(there == set(manifest["files"]), f"files added or lost: {sorted(there ^ set(manifest['files']))}")
    for name, digest in manifest["files"].items():
        check(sha256((folder / name).read_bytes()).hexdigest() == digest, f"{name}: not the file that was exported")
    return manifest


def schemas_in(folder: Path) -> dict[str, Any]:
    """The schemas by id, each checked against this program's digests."""
    found: dict[str, Any] = {}
    for path in sorted((folder / "schemas").glob("*.avsc")):
        ident = path.name.partition("-")[0]
        check(SCHEMAS.get(ident) == sha256(path.read_bytes()).hexdigest(), f"{path.name}: another schema")
        found[ident] = json.loads(path.read_text())
    return found


def check_events(folder: Path, size: int, root: bytes) -> list[dict[str, Any]]:
    """Check every event, its proof and its bytes; returns the events."""
    schemas = schemas_in(folder)
    versions: dict[str, list[int]] = {}
    bodies: dict[str, list[bytes]] = {}
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    proofs = [json.loads(line) for line in (folder / "proofs.jsonl").read_text().splitlines()]
    check([e["position"] for e in events] == [p["position"] for p in proofs], "events and proofs are not the same ones")
    check(sorted({e["position"] for e in events}) == [e["position"] for e in events], "events are not in ledger order")
    for event, proof in zip(events, proofs, strict=True):
        where = f"position {event['position']}"
        stored = (folder / "stored" / f"{event['position']}.bin").read_bytes()
        steps = [bytes.fromhex(step) for step in proof["proof"]]
        proven = included(proof["index"], size, leaf_of(event, stored), steps, root)
        check(proven, f"{where}: not in the signed tree; the event, its bytes or its proof were altered")
        ident, fields = decoded(stored, schemas)
        check(ident == str(event["schema"]), f"{where}: the bytes are of another schema")
        check(fields == event["data"], f"{where}: events.jsonl differs from the stored bytes")
        versions.setdefault(event["aggregate_id"], []).append(event["version"])
        bodies.setdefault(ident, []).append(stored[5:])
    for aggregate, held in versions.items():
        check(held == list(range(1, len(held) + 1)), f"aggregate {aggregate}: events are missing in between")
    files = {path.name.partition("-")[0]: path for path in (folder / "avro").glob("*.avro")}
    check(files.keys() == bodies.keys(), "the Avro files are not of the same events")
    for ident, path in files.items():
        check(container(path.read_bytes()) == (schemas[ident], bodies[ident]), f"{path.name}: not the stored bytes")
    return events


def main() -> int:
    """Exit code 0: all valid; 1: something is not."""
    parser = argparse.ArgumentParser(description="Checks an export of the ledger offline.")
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parent)
    parser.add_argument("--key", help="the log's key, as krypton audit checkpoint --key shows it")
    asked = parser.parse_args()
    try:
        key = key_of(asked.key or (asked.folder / "log.key").read_text())
        size, root = checkpoint_of((asked.folder / "checkpoint").read_text(), key)
        manifest = listed(asked.folder)
        events = check_events(asked.folder, size, root)
        check(len(events) == manifest["events"], "the manifest counts other events")
    except Wrong as wrong:
        print(f"FAILED: {wrong}")
        return 1
    except (OSError, ValueError, LookupError, TypeError, RecursionError, struct.error) as wrong:
        print(f"FAILED: the export is damaged ({type(wrong).__name__}: {wrong})")
        return 1
    aggregates = len({event["aggregate_id"] for event in events})
    print(
        f"ok: {len(events)} events of {aggregates} aggregates are in log {key[0]} of {size} events, root {root.hex()}"
    )
    if not asked.key:
        print("the key is the one in this folder: compare it with the operator's, or give theirs with --key")
    return 0


if __name__ == "__main__":
    sys.exit(main())
