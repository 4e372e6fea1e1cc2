"""Writes files of secrets as people do who keep them to themselves."""

from pathlib import Path


def private(file: Path, text: str) -> Path:
    """The file, which its owner alone may read; who reads it meanwhile has the old text or the new one."""
    new = file.with_name(f".{file.name}.new")
    new.touch(0o600)
    new.chmod(0o600)
    new.write_text(text)
    return new.replace(file)
