"""Makes tokens of SoftHSM2 (Debian: ``apt-get install softhsm2``), a security module in software.

Each is made by another process: the library reads where tokens lie once in a process's life.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

MODULES: Final = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
)
CONF: Final = "SOFTHSM2_CONF"
GENERATE: Final = """
import sys, pkcs11
module, token, pin, *labels = sys.argv[1:]
with pkcs11.lib(module).get_token(token_label=token).open(user_pin=pin, rw=True) as session:
    for label in labels:
        session.generate_key(pkcs11.KeyType.AES, 256, label=label, store=True)
"""


def library() -> Path:
    """The module; the test is left out where it is not installed."""
    found = next((Path(one) for one in MODULES if Path(one).exists()), None)
    if found is None or shutil.which("softhsm2-util") is None:
        pytest.skip("SoftHSM2 is not installed: apt-get install softhsm2")
    pytest.importorskip("pkcs11", reason="python-pkcs11 is not installed: the extra hsm")
    return found


def token_in(folder: Path, label: str, pin: str, keys: Sequence[str]) -> Path:
    """A token with these AES keys; returns the file that ``CONF`` is to name."""
    module, conf = library(), folder / "softhsm2.conf"
    (folder / "tokens").mkdir()
    conf.write_text(f"directories.tokendir = {folder / 'tokens'}\nlog.level = ERROR\n")
    made = ("softhsm2-util", "--init-token", "--free", "--label", label, "--pin", pin, "--so-pin", pin)
    for words in (made, (sys.executable, "-c", GENERATE, str(module), label, pin, *keys)):
        subprocess.run(words, check=True, capture_output=True, env={**os.environ, CONF: str(conf)})
    return conf
