"""Checkpoints that ``audit verify`` meets: forged ones are named and hide nothing, and it tells what none covers."""

from pathlib import Path

import pytest

from domain.proofs.note import Note
from krypton.integrity.checkpoints import in_folder
from krypton.integrity.findings import Kind, Log
from tests.fakes.two_logs import EVERY, TwoLogs, named

AT = 30 * EVERY  # somewhere in the middle


@pytest.fixture
def logs(tmp_path: Path) -> TwoLogs:
    return TwoLogs(tmp_path)


def test_a_ledger_rewritten_and_signed_anew_does_not_match_a_checkpoint_that_was_kept(
    logs: TwoLogs, tmp_path: Path
) -> None:
    """Whoever holds the key can sign another tree; not one that an auditor's old checkpoint belongs to."""
    kept = logs.notes[-1]
    forged = TwoLogs(tmp_path / "forged", key=logs.key)
    forged.rewrite(AT)
    (forged.folder / "checkpoint").unlink()
    forged.sign()
    _, log, kind = named(forged.verify([*forged.notes[1:], kept]))
    assert (log, kind) == (Log.CHECKPOINTS, Kind.FORGED)


def test_a_checkpoint_with_a_false_signature_is_named(logs: TwoLogs) -> None:
    note = logs.head(10)
    text = note.format().replace("\n10\n", "\n20\n")
    found = logs.verify_text([text, *(one.format() for one in logs.notes)])
    assert named(found) == (20 * EVERY, Log.CHECKPOINTS, Kind.FORGED)


@pytest.mark.parametrize("claimed", ["1", "20", "60", "99", "0"])
def test_a_checkpoint_that_anybody_could_have_written_hides_nothing(logs: TwoLogs, claimed: str) -> None:
    """All is compared as without it, and both are named."""
    logs.rewrite(AT)
    junk = f"{logs.key.name}\n{claimed}\nAAAA\n\n— nobody AAAAAAAA\n"
    found = logs.verify_text([junk, *(one.format() for one in logs.notes)])
    assert {(one.log, one.kind) for one in found.findings} == {
        (Log.CHECKPOINTS, Kind.FORGED),
        (Log.BOTH, Kind.CHANGED),
    }
    assert found.of_log(Log.EVENT_STORE) == found.of_log(Log.KAFKA) == f"changed at position {AT}"


def test_junk_among_checkpoints_does_not_end_the_comparison(logs: TwoLogs) -> None:
    junk = [f"{logs.key.name}\n{size}\nAAAA\n\n— nobody AAAAAAAA\n" for size in (5, 25, 70)]
    found = logs.verify_text([*junk, *(one.format() for one in (logs.head(40), *logs.notes))])
    assert [(one.position, one.kind) for one in found.findings] == [
        (5 * EVERY, Kind.FORGED),
        (25 * EVERY, Kind.FORGED),
        (60 * EVERY, Kind.FORGED),
    ]
    assert (found.events, found.checkpoints, found.unsigned) == (60, 2, 0)


NO_NOTES = ("", "nonsense", "a\n" + "9" * 5_000 + "\nb\n\n— c AAAAAAAA\n", "\ud800", "a\n²\nb")


@pytest.mark.parametrize("content", NO_NOTES, ids=[ascii(one[:12]) for one in NO_NOTES])
def test_a_checkpoint_that_is_no_note_is_named(logs: TwoLogs, content: str) -> None:
    found = logs.verify_text([*(one.format() for one in logs.notes), content])
    assert named(found) == (60 * EVERY, Log.CHECKPOINTS, Kind.FORGED)


def test_a_size_of_very_many_digits_is_named_although_it_is_signed(logs: TwoLogs) -> None:
    text = f"{logs.key.name}\n{'9' * 5_000}\n{'A' * 43}=\n"
    found = logs.verify([*logs.notes, Note(text, (logs.key.sign(text),))])
    assert named(found) == (60 * EVERY, Log.CHECKPOINTS, Kind.FORGED)


def test_a_damaged_checkpoint_in_the_folder_is_named(logs: TwoLogs) -> None:
    """One bit of a file: it is no longer text."""
    file = logs.folder / "checkpoint"
    content = file.read_bytes()
    file.write_bytes(content[:3] + bytes([content[3] | 0x80]) + content[4:])
    held = [text for _, text in in_folder(logs.folder)]
    assert named(logs.verify_text([*(one.format() for one in logs.notes), *held]))[1:] == (
        Log.CHECKPOINTS,
        Kind.FORGED,
    )


def test_events_that_no_checkpoint_covers_are_counted(logs: TwoLogs) -> None:
    for number in (61, 62, 63):
        logs.add(number)
    logs.relayed = 63 * EVERY
    verdict = logs.verify()
    assert (verdict.difference, verdict.unsigned, verdict.is_overdue) == (None, 3, False)
    logs.now_s += 3_600
    verdict = logs.verify()
    assert (verdict.difference, verdict.unsigned, verdict.is_overdue) == (None, 3, True)


def test_a_ledger_without_any_checkpoint_is_not_whole(logs: TwoLogs) -> None:
    """Topic and folder were emptied: what was signed is gone, and with it all that speaks against who altered both."""
    logs.now_s += 61
    logs.rewrite(AT)
    verdict = logs.verify([])
    assert named(verdict) == (60 * EVERY, Log.CHECKPOINTS, Kind.UNSIGNED)
    assert (verdict.events, verdict.unsigned) == (60, 60)


def test_a_ledger_that_has_just_begun_waits_for_its_first_checkpoint(logs: TwoLogs) -> None:
    verdict = logs.verify([])
    assert (verdict.difference, verdict.unsigned) == (None, 60)
