"""Writes the files of an export: JSON lines, Avro containers with the stored bytes, the manifest and the verifier."""

import base64
import json
from collections.abc import Iterable, Mapping
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from fastavro import schemaless_reader

from adapters.eventstore.histories import StoredEvent
from krypton.auditing import verify_template
from krypton.erasing.exports import MANIFEST, UNSEALED
from schemas.registry import FOLDER, Registry, Schema, read_lock

Document = dict[str, Any]
HEAD: Final = 5  # bytes of a stored event before its Avro body: 0x00 and the schema id
ANYBODY, OWNER_ONLY = 0o666, 0o600
DIGESTS: Final = "SCHEMAS: dict[str, str] = {}"

README: Final = """# An export of the Krypton ledger

    python3 -I verify.py --key '<the log's key, from the operator>'

checks all of it offline; it needs Python 3.11 and the package `cryptography`.

- `events.jsonl`: the events in ledger order. Sealed fields, which name the person, are bytes in base64.
- `stored/<position>.bin`: each event as the event store and Kafka hold it (0x00, schema id, Avro body).
- `avro/<schema>.avro`: the same bodies as Avro container files, one per schema; any Avro tool reads them.
- `schemas/`: the schemas, with what every field means.
- `proofs.jsonl`, `checkpoint`, `log.key`: that each event is in the signed log (RFC 9162, C2SP tlog-checkpoint).
- `unsealed.jsonl`, where it was asked for: what the sealed fields say. No proof covers that file.
- `manifest.json`: what was exported, when it was asked for (`access_position`), and every file's SHA-256.
"""


def json_lines(documents: Iterable[Mapping[str, Any]]) -> bytes:
    """One document per line."""
    return "".join(f"{json.dumps(one, ensure_ascii=False)}\n" for one in documents).encode()


def event_line(schema: Schema, event: StoredEvent) -> Document:
    """An event as JSON, decoded with the schema it was written with; sealed fields stay sealed."""
    data: Document = schemaless_reader(BytesIO(event.state[HEAD:]), schema.hot, None)
    return {
        "position": event.position,
        "type": event.type,
        "aggregate_id": event.aggregate_id,
        "version": event.version,
        "schema": schema.id,
        "data": {name: _plain(value) for name, value in data.items()},
    }


def _plain(value: Any) -> Any:
    return {"sealed": base64.b64encode(value).decode()} if isinstance(value, bytes) else value


def by_schema(registry: Registry, events: Iterable[StoredEvent]) -> dict[str, bytes]:
    """For each schema used: the Avro container file and the schema."""
    bodies: dict[int, list[bytes]] = {}
    for event in events:
        bodies.setdefault(int.from_bytes(event.state[1:HEAD], "big"), []).append(event.state[HEAD:])
    files: dict[str, bytes] = {}
    for ident, held in sorted(bodies.items()):
        schema = registry.of_id(ident)
        files[f"schemas/{_name(schema)}.avsc"] = _file(schema).read_bytes()
        files[f"avro/{_name(schema)}.avro"] = container(_file(schema).read_bytes(), held)
    return files


def _name(schema: Schema) -> str:
    return f"{schema.id}-{schema.name}"


def _file(schema: Schema) -> Path:
    return FOLDER / f"{schema.name}.avsc"


def container(schema: bytes, bodies: Iterable[bytes]) -> bytes:
    """An uncompressed Avro object container file (Avro 1.12): each body is one block, with unchanged bytes."""
    bodies = list(bodies)
    sync = sha256(schema + b"".join(bodies)).digest()[:16]
    facts = {"avro.schema": schema, "avro.codec": b"null"}
    header = _long(len(facts)) + b"".join(_sized(name.encode()) + _sized(value) for name, value in facts.items())
    return b"Obj\x01" + header + _long(0) + sync + b"".join(_long(1) + _sized(body) + sync for body in bodies)


def _sized(raw: bytes) -> bytes:
    return _long(len(raw)) + raw


def _long(value: int) -> bytes:
    """An Avro long that is not negative."""
    value <<= 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def write(folder: Path, files: Mapping[str, bytes], summary: Mapping[str, Any]) -> None:
    """Write all files, the manifest that lists them, and the verifier with this program's schema digests.

    What names the person is read by the owner alone.
    """
    files = {"README.md": README.encode(), **files}
    manifest = {**summary, "files": {name: sha256(content).hexdigest() for name, content in sorted(files.items())}}
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(OWNER_ONLY if name == UNSEALED else ANYBODY)
        path.write_bytes(content)
    (folder / "verify.py").write_text(verifier())
    (folder / MANIFEST).write_text(json.dumps(manifest, ensure_ascii=False, indent=1) + "\n")


def verifier(folder: Path = FOLDER) -> str:
    """``verify.py``: the program that checks an export, with the digest of every schema."""
    files = {str(ident): folder / f"{name}.avsc" for name, ident in read_lock().items()}
    digests = {ident: sha256(path.read_bytes()).hexdigest() for ident, path in files.items()}
    source = Path(verify_template.__file__).read_text()
    return source.replace(DIGESTS, f"SCHEMAS: dict[str, str] = {json.dumps(digests, indent=4)}", 1)
