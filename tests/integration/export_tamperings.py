"""What a forger does to an inspector's export: each way to tamper with its folder, and what its check then says."""

import base64
import json
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

from adapters.notary.keys import SigningKey
from domain.proofs.note import Note, parse

Document = dict[str, Any]


def lines(file: Path) -> list[Document]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def rewrite(file: Path, documents: list[Document]) -> None:
    file.write_text("".join(f"{json.dumps(one)}\n" for one in documents))


def relist(folder: Path) -> None:
    """What a forger does last: the manifest fits again."""
    manifest = json.loads((folder / "manifest.json").read_text())
    files = [p for p in folder.rglob("*") if p.is_file() and p.name not in ("manifest.json", "verify.py")]
    manifest["files"] = {p.relative_to(folder).as_posix(): sha256(p.read_bytes()).hexdigest() for p in files}
    manifest["events"] = len(lines(folder / "events.jsonl"))
    (folder / "manifest.json").write_text(json.dumps(manifest))


def first(folder: Path) -> tuple[list[Document], Document]:
    """All events, and the first that holds a study."""
    events = lines(folder / "events.jsonl")
    return events, next(one for one in events if one["type"] == "study.arrived")


def changed_byte(folder: Path) -> None:
    _, one = first(folder)
    path = folder / "stored" / f"{one['position']}.bin"
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)


def changed_value(folder: Path) -> None:
    events, one = first(folder)
    one["data"]["site"] = "CHX"
    rewrite(folder / "events.jsonl", events)


def changed_sealed(folder: Path) -> None:
    events, one = first(folder)
    one["data"]["description"] = {"sealed": base64.b64encode(b"x" * 40).decode()}
    rewrite(folder / "events.jsonl", events)


def changed_position(folder: Path) -> None:
    """Another position, in all files."""
    events, one = first(folder)
    proofs = lines(folder / "proofs.jsonl")
    was, now = one["position"], 10**6
    for document in [*events, *proofs]:
        document["position"] = now if document["position"] == was else document["position"]
    (folder / "stored" / f"{was}.bin").rename(folder / "stored" / f"{now}.bin")
    rewrite(folder / "events.jsonl", sorted(events, key=lambda e: e["position"]))
    rewrite(folder / "proofs.jsonl", sorted(proofs, key=lambda e: e["position"]))


def changed_version(folder: Path) -> None:
    events, one = first(folder)
    one["version"] = 2
    rewrite(folder / "events.jsonl", events)


def changed_type(folder: Path) -> None:
    events, one = first(folder)
    one["type"] = "study.extended"
    rewrite(folder / "events.jsonl", events)


def changed_aggregate(folder: Path) -> None:
    events, one = first(folder)
    one["aggregate_id"] = str(UUID(int=1))
    rewrite(folder / "events.jsonl", events)


def swapped_proofs(folder: Path) -> None:
    proofs = lines(folder / "proofs.jsonl")
    proofs[0]["proof"], proofs[1]["proof"] = proofs[1]["proof"], proofs[0]["proof"]
    proofs[0]["index"], proofs[1]["index"] = proofs[1]["index"], proofs[0]["index"]
    rewrite(folder / "proofs.jsonl", proofs)


def shortened_proof(folder: Path) -> None:
    proofs = lines(folder / "proofs.jsonl")
    proofs[0]["proof"].pop()
    rewrite(folder / "proofs.jsonl", proofs)


def missing_event(folder: Path) -> None:
    """The first event of an identity is taken out everywhere."""
    drop(folder, next(e for e in lines(folder / "events.jsonl") if e["type"] == "link.merged"))


def drop(folder: Path, event: Document) -> None:
    for name in ("events.jsonl", "proofs.jsonl"):
        rewrite(folder / name, [e for e in lines(folder / name) if e["position"] != event["position"]])
    (folder / "stored" / f"{event['position']}.bin").unlink()
    for path in folder.glob(f"*/{event['schema']}-*"):
        path.unlink()


def invented_event(folder: Path) -> None:
    events, one = first(folder)
    proofs = lines(folder / "proofs.jsonl")
    copy = {**one, "position": 10**6, "aggregate_id": str(UUID(int=1))}
    shutil.copy(folder / "stored" / f"{one['position']}.bin", folder / "stored" / f"{10**6}.bin")
    rewrite(folder / "events.jsonl", [*events, copy])
    proof = next(p for p in proofs if p["position"] == one["position"])
    rewrite(folder / "proofs.jsonl", [*proofs, {**proof, "position": 10**6}])


def larger_size(folder: Path) -> None:
    note = parse((folder / "checkpoint").read_text())
    origin, size, root, _ = note.text.split("\n")
    (folder / "checkpoint").write_text(Note(f"{origin}\n{int(size) + 1}\n{root}\n", note.signatures).format())


def signed_by_another(folder: Path) -> None:
    """Signed well, under the same name, by a key of the forger's."""
    note = parse((folder / "checkpoint").read_text())
    key = SigningKey.new(note.text.split("\n")[0])
    (folder / "checkpoint").write_text(Note(note.text, (key.sign(note.text),)).format())


def renamed_field(folder: Path) -> None:
    """The schema and the events say ``place`` where the ledger says ``site``."""
    events, one = first(folder)
    (path,) = folder.glob("schemas/*-study.arrived.v1.avsc")
    path.write_text(path.read_text().replace('"name": "site"', '"name": "place"'))
    for event in events:
        if event["type"] == "study.arrived":
            event["data"] = {"place" if n == "site" else n: v for n, v in event["data"].items()}
    rewrite(folder / "events.jsonl", events)


def changed_container(folder: Path) -> None:
    (path,) = folder.glob("avro/*-study.arrived.v1.avro")
    path.write_bytes(path.read_bytes().replace(b"CHB", b"CHX"))


def lost_container(folder: Path) -> None:
    (path,) = folder.glob("avro/*-study.arrived.v1.avro")
    path.unlink()


def cut_file(folder: Path) -> None:
    path = folder / "events.jsonl"
    path.write_text(path.read_text()[:-20])


TAMPERINGS: list[tuple[Callable[[Path], None], str]] = [
    (changed_byte, "not in the signed tree"),
    (changed_value, "differs from the stored bytes"),
    (changed_sealed, "differs from the stored bytes"),
    (changed_position, "not in the signed tree"),
    (changed_version, "not in the signed tree"),
    (changed_type, "not in the signed tree"),
    (changed_aggregate, "not in the signed tree"),
    (swapped_proofs, "not in the signed tree"),
    (shortened_proof, "not in the signed tree"),
    (missing_event, "events are missing in between"),
    (invented_event, "not in the signed tree"),
    (larger_size, "the signature of krypton.local/ledger is not valid"),
    (signed_by_another, "it is not signed by krypton.local/ledger"),
    (renamed_field, "another schema"),
    (changed_container, "not the stored bytes"),
    (lost_container, "the Avro files are not of the same events"),
    (cut_file, "the export is damaged"),
]
