"""What the documents say to type is typed here, word for word, by a shell in an empty folder."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path

import psutil
import pytest

from krypton.devstack.stack import Stack
from streams.broker import topics
from tests.fakes.ports import free_port, free_ports
from tests.fakes.published import publish, samples
from tests.fakes.roles import every_role
from tests.integration.live_ledger import delete_topics
from tests.waiting import WITHIN_S

pytestmark = pytest.mark.live

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```sh title=([\w-]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ROUNDS = 3
DCMTK = Path("/usr/bin/getscu").exists()


def blocks(page: str) -> dict[str, str]:
    """The shell blocks of a page that have a title, in order."""
    return dict(BLOCK.findall((ROOT / page).read_text()))


def typed(block: str, env: dict[str, str], cwd: Path) -> str:
    """What a shell prints to whom a block is pasted; it must end well."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KRYPTON_")}
    done = subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", block],
        cwd=cwd,
        env=kept | env,
        capture_output=True,
        text=True,
        timeout=4 * WITHIN_S,  # several commands, each of which may wait
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_readmes_subscriber_works_as_pasted(stack: Stack) -> None:
    """Against the embedded broker, at the address that it finds itself."""
    kafka = stack.addresses().kafka
    delete_topics(kafka)
    topics.create(kafka)
    published = publish(kafka, samples(ROUNDS))
    said = typed(
        blocks("README.md")["subscribe"], {"KRYPTON_HOME": str(stack.root), "KRYPTON_ROLES": str(every_role())}, ROOT
    )
    told = [line.split()[0] for line in said.splitlines()]
    sent = [dict(record.headers)["ce_type"].decode() for record in published if record.topic == "krypton.studies"]
    assert sorted(told) == sorted(sent)


def _typed_in_order(page: str, leave_out: Collection[str] = ()) -> Iterator[dict[str, str]]:
    """What each block of a page printed: typed in an empty folder, with servers of its own."""
    folder = Path(tempfile.mkdtemp(prefix="krypton-docs-"))
    env = {
        "PATH": f"{ROOT / '.venv/bin'}:{os.environ['PATH']}",
        "COLUMNS": "200",
        **free_ports(),
        "MOVE_PORT": str(free_port()),
    }
    try:
        yield {title: typed(block, env, folder) for title, block in blocks(page).items() if title not in leave_out}
    finally:
        _end(folder)


@pytest.fixture(scope="module")
def said() -> Iterator[dict[str, str]]:
    """Of docs/tutorial.md."""
    yield from _typed_in_order("docs/tutorial.md")


@pytest.fixture(scope="module")
def images() -> Iterator[dict[str, str]]:
    """Of docs/images.md. What npm fetches is tried by ``test_dev_sign_in`` and ``test_viewer_browser``."""
    yield from _typed_in_order("docs/images.md", {"browser"} | (set() if DCMTK else {"pacs"}))


class TestTutorial:
    """What the page promises."""

    def test_refused_files_are_named(self, said: dict[str, str]) -> None:
        assert "without-number.dcm" in said["hospitals"]
        assert "notes.txt" in said["hospitals"]

    def test_doses_are_those_that_the_page_names(self, said: dict[str, str]) -> None:
        assert "921.5" in said["look"]
        assert "1161.5" in said["merge"]
        assert "240" in said["unmerge"]
        assert "1161.5" not in said["unmerge"]

    def test_who_is_in_the_care_team_reads_and_who_is_not_needs_a_code(self, said: dict[str, str]) -> None:
        assert "care_team" in said["access"]
        assert "denied" in said["code"].splitlines()
        assert "code" in said["code"].splitlines()[-1]

    def test_the_auditor_sees_merge_and_accesses(self, said: dict[str, str]) -> None:
        assert "papers seen" in said["audit"]
        assert "she gave me a code" in said["audit"]

    def test_the_ledger_is_whole(self, said: dict[str, str]) -> None:
        assert said["prove"].count("ok") >= 2


class TestImages:
    """The whole way of a study: in, found, fetched, taken away, withdrawn."""

    def test_an_image_comes_in_over_http(self, images: dict[str, str]) -> None:
        said = images["come-in"]
        stored, _ = json.JSONDecoder().raw_decode(said, said.index('{"0008'))
        assert list(stored) == ["00081190", "00081199"]

    def test_a_search_finds_the_study_that_the_record_names(self, images: dict[str, str]) -> None:
        (found,), (series, *_) = map(json.loads, images["fetch"].replace("][", "]\n[").splitlines())
        assert found["00100020"]["Value"] == ["1001"]
        assert series["0020000D"] == found["0020000D"]

    @pytest.mark.skipif(not DCMTK, reason="dcmtk is not installed here")
    def test_a_pacs_finds_and_fetches_it(self, images: dict[str, str]) -> None:
        assert images["pacs"].splitlines()[-3:] == [
            "4 by C-GET",
            "4 by C-MOVE",
            "sent again: held already, and success",
        ]

    def test_once_withdrawn_it_is_not_there(self, images: dict[str, str]) -> None:
        assert json.loads(images["withdraw"].splitlines()[-1])["status"] == 404


def _end(folder: Path) -> None:
    """Whatever the tutorial left running, also where a block failed."""
    if (pid := folder / "run.pid").exists():
        with contextlib.suppress(psutil.Error):
            running = psutil.Process(int(pid.read_text()))
            running.terminate()
            running.wait(WITHIN_S)
    Stack(folder / ".krypton").down()
    shutil.rmtree(folder)
