"""Reads the arguments of commands about the signed log: public key, tile folder, notes in files."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from domain.proofs.note import Note, VerifierKey
    from krypton.settings import Settings

Key = Annotated[str | None, typer.Option("--key", help="The log's public key, as audit checkpoint --key shows it.")]
Tiles = Annotated[Path | None, typer.Option("--tiles", help="The folder of the log's tiles.")]


def environment() -> "Settings":
    """Of the environment: proofs need no service."""
    import os

    from krypton.settings import Settings

    return Settings.read(os.environ, Path.cwd())


def key_given(settings: "Settings", given: str | None) -> "VerifierKey | None":
    """The log's public key: as given, else this machine's; None where it has none."""
    from domain.proofs.note import NotANote, verifier_key
    from krypton.integrity import keys

    if given is None:
        return keys.verifier_key(settings)
    try:
        return verifier_key(given)
    except NotANote as wrong:
        raise typer.BadParameter(str(wrong)) from None


def verifier_given(settings: "Settings", given: str | None) -> "VerifierKey":
    """The same. Raises NotFound where there is none."""
    from domain.errors import NotFound

    if (found := key_given(settings, given)) is None:
        raise NotFound("the log's public key: give it as krypton audit checkpoint --key shows it")
    return found


def witness_given(text: str) -> "VerifierKey":
    """The public key of a witness."""
    from domain.proofs.note import COSIGNATURE, NotANote, verifier_key

    try:
        key = verifier_key(text)
    except NotANote as wrong:
        raise typer.BadParameter(str(wrong), param_hint="--witness") from None
    if key.kind != COSIGNATURE:
        raise typer.BadParameter(f"{key.name} is the key of a log, not of a witness", param_hint="--witness")
    return key


def note_in(file: Path) -> "Note":
    """The signed checkpoint in a file; - for standard input. Raises NotFound."""
    from domain.errors import NotFound
    from domain.proofs.note import NotANote, parse

    try:
        return parse(sys.stdin.read() if str(file) == "-" else file.read_text())
    except (OSError, UnicodeDecodeError):
        raise NotFound(f"{file} cannot be read: give a file with a signed checkpoint") from None
    except NotANote as wrong:
        raise NotFound(f"{file} holds no signed checkpoint: {wrong}") from None
