"""Each option that takes free text reads it from standard input where it is ``-``: all commands, walked."""

import io
import sys
from typing import Any, Final, get_args

import pytest

from tests.unit.test_cli_writes import ALL

CODES: Final = {
    *(
        "--site",
        "--from",
        "--to",
        "--assigner",
        "--finess",
        "--ae-title",
        "--kind",
        "code",
        "--by",
        "rpps",
    ),
    *("--modality", "--act", "--accession", "--number", "--study-uid", "--report-uid", "--ins-oid", "--exclude"),
    *("--view", "view", "--rows", "--policy", "--topics", "--type", "--topic", "--key", "--log-key", "--new"),
    *("--needed", "--ground", "--assigned-to"),  # the name of a master key; a word of the rules
    *("--since", "--until", "--report", "--in-force-from", "moment", "rule_id", "--as", "--profession"),
    *("--witness", "--against", "--rules", "views", "names", "report", "topics", "--series"),
}
"""Codes, numbers and ids: none of them is text in words. Where ``--to`` and ``--number`` say who, they are read too."""
PUBLIC: Final = {
    *(("site enroll", "--name"), ("site service", "--name"), ("professional register", "--name")),
    ("site device", "--address"),
    *(("dev tool", "name"), ("dev tool", "arguments"), ("identity flag", "name")),
    *(("subscriber add", "name"), ("subscriber remove", "name")),
    *(("record show", "--where"), ("study show", "--where")),
    *(("dose device", "site"), ("dose device", "--device"), ("dose findings", "site")),
    *(("dose return", "site"), ("dose return", "--device")),
}
"""Names of establishments, professionals, programs and logins, and flags; where devices listen; what is asked of
studies, and of nobody.
"""


def texts() -> dict[str, Any]:
    """Every option and argument that takes text, by command."""
    return {
        f"{command}: {parameter.opts[0]}": parameter
        for command, found in ALL.items()
        for parameter in found.params
        if str in {kind := parameter.type_descriptor.annotation, *get_args(kind)}
    }


def reads(parameter: Any, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether - stands for a line of standard input."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("told\n"))
    return parameter.callback is not None and parameter.callback(None, parameter, "-") == "told"


READING: Final = {name: one for name, one in texts().items() if name.partition(": ")[2] not in CODES}


@pytest.mark.parametrize("name", sorted(READING))
def test_free_text_can_come_from_standard_input(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    command, _, option = name.partition(": ")
    known = (command, option) in PUBLIC
    assert reads(READING[name], monkeypatch) is not known


def test_the_walk_finds_what_it_is_for() -> None:
    assert {"access review done: --note", "access close: --note", "erase request: --reference"} <= READING.keys()


def test_who_a_study_is_of_can_come_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    assert reads(texts()["study reassign: --to"], monkeypatch)
    assert reads(texts()["identity search: --number"], monkeypatch)
