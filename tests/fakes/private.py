"""Writes files of secrets as people do who keep them to themselves."""

from pathlib import Path


def private(file: Path, text: str) -> Path:
    """The file, which its owner alone may read."""
    file.touch(0o600)
    file.chmod(0o600)
    file.write_text(text)
    return file
