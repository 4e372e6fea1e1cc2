"""Stores a sample of each event schema that has none yet.

A sample is written once, when its schema is new, and stays as it is for ever: it stands for the events of that version
that lie in event stores and topics. Beside the bytes lies what they must decode to.
"""

import json
from hashlib import sha256
from pathlib import Path

from schemas.codec import Codec
from schemas.registry import Registry, Schema, registry
from tests.fakes.avro import sample_body
from tests.fakes.vault import MemoryVault

FOLDER = Path(__file__).parent / "data" / "samples"
VERSION = 7  # of the sampled events in their aggregate: sealed fields are bound to it


class FixedVault(MemoryVault):
    """A vault whose keys derive from the subject, so that stored samples open at any time. For samples only."""

    def seal(self, subject: str, plain: bytes, aad: bytes) -> bytes:
        """See ``domain.ports.KeyVault``."""
        self._make(subject)
        return super().seal(subject, plain, aad)

    def unseal(self, subject: str, sealed: bytes, aad: bytes) -> bytes | None:
        """See ``domain.ports.KeyVault``."""
        self._make(subject)
        return super().unseal(subject, sealed, aad)

    def holds(self, subject: str) -> bool:
        """See ``domain.ports.KeyVault``."""
        self._make(subject)
        return super().holds(subject)

    def _make(self, subject: str) -> None:
        self.keys.setdefault(subject, sha256(f"krypton samples|{subject}".encode()).digest())


def write(schema: Schema, folder: Path = FOLDER) -> None:
    """Write the sample of one schema, and what it decodes to."""
    codec = Codec(Registry([schema]), FixedVault())
    body = sample_body(schema)
    raw = codec.encode(schema.type, body, aggregate_id=body[schema.aggregate], version=VERSION)
    _, decoded = codec.decode(raw, VERSION)
    (folder / f"{schema.name}.bin").write_bytes(raw)
    (folder / f"{schema.name}.json").write_text(json.dumps(decoded, ensure_ascii=False, indent=1) + "\n")


def main() -> None:
    """Write what is missing, and say which."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for schema in registry():
        if not (FOLDER / f"{schema.name}.bin").exists():
            write(schema)
            print(schema.name)
