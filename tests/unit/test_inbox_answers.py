"""Stored answers of imports name no file that was answered before somebody was erased, whatever was written when."""

from pathlib import Path
from threading import Thread
from uuid import uuid4

import pytest

from adapters.dicom.inlet import spool_at
from adapters.inbox.alone import alone
from adapters.inbox.answers import answer_of, forget_files, forgettings, keep_answer
from adapters.inbox.spool import Spool
from schemas.event import ERASED
from tests.waiting import WITHIN_S

ACTOR = "operator:one"
ANSWER = {"files": 2, "refused": [{"path": "/in/FICTIVE_ALEX.dcm", "reason": "no DICOM"}]}
FORGOTTEN = {"files": 2, "refused": [{"path": ERASED, "reason": "no DICOM"}]}


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    found = spool_at(tmp_path)
    found.root.mkdir(exist_ok=True)
    return found


@pytest.mark.parametrize("forgets", [["before"], ["meanwhile"], ["after"], ["before", "meanwhile"]])
def test_an_import_names_no_file_where_somebody_was_erased_since_it_began(spool: Spool, forgets: list[str]) -> None:
    asked = uuid4()
    if "before" in forgets:
        forget_files(spool)
    began = forgettings(spool)
    if "meanwhile" in forgets:
        forget_files(spool)
    keep_answer(spool, asked, ACTOR, ANSWER, began)
    if "after" in forgets:
        forget_files(spool)
    assert answer_of(spool, asked, ACTOR) == (ANSWER if forgets == ["before"] else FORGOTTEN)


def test_who_writes_an_answer_waits_for_who_takes_names_out(spool: Spool) -> None:
    """Both write the whole file: the later one would bring back what the other took out."""
    asked = uuid4()
    keep_answer(spool, asked, ACTOR, ANSWER, 0)
    threads = [
        Thread(target=keep_answer, args=(spool, asked, ACTOR, {**ANSWER, "files": 3}, 0)),
        Thread(target=forget_files, args=(spool,)),
    ]
    with alone(spool.root / "answers"):
        for thread in threads:
            thread.start()
        assert answer_of(spool, asked, ACTOR) == ANSWER
    for thread in threads:
        thread.join(WITHIN_S)
    found = answer_of(spool, asked, ACTOR)
    assert found
    assert found["refused"] == FORGOTTEN["refused"]
    assert [file.name for file in (spool.root / "answers").glob("*new")] == []
