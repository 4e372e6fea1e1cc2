"""Starts a temporary ledger, runs the demo's story on real files, and removes everything afterwards.

Everything runs in ``.krypton/demo`` and is stopped and removed at the end. Below three minutes after the first set-up.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pydicom.data import get_testdata_file

from adapters.dicom.inlet import spool_at
from krypton.cli.roles import write_for_development
from krypton.demo import story
from krypton.demo.stage import CommandFailed, Stage, console, panel
from krypton.devstack.ports import choose
from krypton.devstack.stack import Stack
from krypton.errors import ServiceUnavailable
from krypton.services.supervisor import krypton_command
from krypton.settings import Settings

HOME = Path(".krypton") / "demo"
READY_S = 60.0
STOP_S = 30.0  # krypton run gives its own children 15 s
INTERRUPTED = 130
REASON = "a demonstration"  # why the demo reads what it shows
KEPT = {"KRYPTON_TEST_CACHE"}  # where the real files are, for the tests too
NEXT = """Start your own ledger, and keep it:
  .venv/bin/krypton dev up && .venv/bin/krypton init && .venv/bin/krypton run
then, in another terminal:
  .venv/bin/krypton site enroll MY-SITE --name "My hospital" --ae-title MY_PACS
  .venv/bin/krypton ingest --site MY-SITE /path/to/dicom
  .venv/bin/krypton record show 'MY-SITE|<patient id>'
A modality or PACS sends to AE title KRYPTON, port 11112. README.md says how to subscribe to a topic."""


def main() -> int:
    """Run the demo; 0 when every step did what it says."""
    began = time.monotonic()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: what was started is ended
    panel(
        "A region's health-record ledger: every fact is one immutable event on Kafka,\n"
        "and what people read is folded from them.",
        "Krypton",
    )
    try:
        with _ledger() as (stage, port):
            story.tell(stage, port, _real_files(), _pydicom_files())
    except (CommandFailed, ServiceUnavailable) as failed:
        console.print(f"the demo stopped: {failed}", style="bold red", markup=False)
        return 1
    except KeyboardInterrupt:
        console.print("\ninterrupted; nothing is left running", style="bold red")
        return INTERRUPTED
    console.print(f"\nDone in {time.monotonic() - began:.0f} s; nothing is left running.\n", style="bold green")
    panel(NEXT, "What to try next")
    return 0


@contextmanager
def _ledger() -> Iterator[tuple[Stage, int]]:
    """A fresh ledger, running; gone afterwards, whatever comes in between."""
    for given in [name for name in os.environ if name.startswith("KRYPTON_") and name not in KEPT]:
        del os.environ[given]  # the demo resets what it runs on: never somebody's own servers, nor their settings
    os.environ.update(KRYPTON_HOME=str(HOME), KRYPTON_BATCH_QUIET_S="1", COLUMNS="110")
    os.environ["KRYPTON_REASON"] = REASON
    settings = Settings.read(os.environ, Path.cwd())
    stack = Stack(settings.home)
    stack.reset()
    stage = Stage(spool_at(settings.instances))
    try:
        with console.status("starting PostgreSQL and Kafka (the first time also fetches Kafka, about a minute)"):
            stack.up()
            write_for_development(settings)
        ports = _ports()  # after the servers have theirs
        os.environ.update({f"KRYPTON_{service}_PORT": str(port) for service, port in ports.items()})
        with console.status("creating the ledger and starting its processes"):
            stage.quietly("init")
        with running(krypton_command("run"), ports["DICOM"]):
            yield stage, ports["DICOM"]
    finally:
        stack.reset()


@contextmanager
def running(command: Sequence[str], port: int, ready_s: float = READY_S) -> Iterator[None]:
    """A process that is to listen there; ended afterwards, also where it never did. Raises ServiceUnavailable."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        with console.status("waiting for the DICOM service"):
            _wait_for_port(port, process, ready_s)
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _real_files() -> Path:
    """The folder of real dose reports; fetched once by pip, and never part of this project (GPL)."""
    with console.status("fetching real dose reports (the openrem source distribution, once)"):
        found = subprocess.run(
            [sys.executable, "-m", "tests.real_files"],
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    if found.returncode:
        raise ServiceUnavailable(found.stderr.strip())
    return Path(found.stdout.strip().splitlines()[-1])


def _pydicom_files() -> list[Path]:
    """Images that pydicom ships for its own tests."""
    names = ("CT_small.dcm", "MR_small.dcm", "examples_rgb_color.dcm")
    return [Path(found) for name in names if (found := get_testdata_file(name, download=False))]


def _ports() -> dict[str, int]:
    """A free port of its own for each service that listens."""
    found: dict[str, int] = {}
    for service in ("DICOM", "HL7", "WEB", "REGISTRY", "HEALTH"):
        found[service] = choose({*found.values()})
    return found


def _wait_for_port(port: int, process: subprocess.Popen[bytes], ready_s: float) -> None:
    deadline = time.monotonic() + ready_s
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            probe.settimeout(1.0)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise ServiceUnavailable(f"krypton run did not come up; see {HOME / 'logs'}")


if __name__ == "__main__":
    sys.exit(main())
