"""Keys derived from the region's secret, one for each purpose; and the master key, which wraps and does no more."""

import hmac
import os
import re
from hashlib import sha256
from pathlib import Path

import pytest

from adapters.vault.derived import Purpose, derived

ROOT = Path(__file__).parents[2]
PROGRAM = ("domain", "schemas", "postgres", "projections", "streams", "adapters", "policies", "krypton", "tools")
MAY_READ_IT = {"krypton/master_keys.py"}


@pytest.mark.parametrize("purpose", Purpose)
def test_a_key_is_that_of_rfc_5869(purpose: Purpose) -> None:
    """HKDF's expansion by SHA-256: its first block is the whole of 32 bytes."""
    secret = os.urandom(32)
    assert derived(secret, purpose) == hmac.digest(secret, purpose.encode() + b"\x01", sha256)


def test_each_purpose_has_a_key_of_its_own() -> None:
    """Whoever gets one knows none of the others."""
    secret = os.urandom(32)
    keys = {derived(secret, purpose) for purpose in Purpose}
    assert len(keys) == len(Purpose)
    assert secret not in keys


def test_one_module_reads_the_master_key() -> None:
    """It hands them to the vault, which wraps with them. Whoever needs a secret derives one from the region's."""
    files = (file for folder in PROGRAM for file in (ROOT / folder).rglob("*.py"))
    readers = {str(file.relative_to(ROOT)) for file in files if re.search(r"\bplain_keys\(", file.read_text())}
    assert readers == MAY_READ_IT
