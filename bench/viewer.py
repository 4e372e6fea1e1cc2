"""Benchmark of looking: OHIF in Chromium opens a CT of 300 slices, from Krypton and from Orthanc, and quick look.

The same program, built for the same paths, is served by either; the only page that is not Orthanc's own is the HTML
that starts it, which the browser is handed. Rounds alternate, each with an empty cache, and the middle one counts.
Krypton decides on each request, and has it on record; Orthanc asks nobody who asks. Its answers are not compressed
(``HttpCompressionEnabled``), with which it is faster on one machine.
"""

import gzip
import json
import secrets
import shutil
import statistics
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from playwright.sync_api import Browser, Page, sync_playwright

from bench.listening import ended, listening
from bench.orthanc import PLUGINS, PROGRAM, WEB_ALONE, configured
from bench.region import processes, started
from domain.aggregates.study import Study
from domain.commands.accesses import OpenAccess
from domain.commands.directory import EnrollSite, RegisterProfessional
from domain.work import Command, Envelope
from krypton.bootstrap import Krypton
from krypton.faces.viewer.program import Program
from krypton.ohif.fetch import fetched
from krypton.ohif.folder import read
from krypton.ohif.lock import BASE
from krypton.services.dicom import ingest
from tests.fakes import pictures
from tests.fakes.dicom import new_uid, write
from tests.fakes.ports import free_port
from tests.fakes.web import account, accounts_file, digest
from tests.waiting import until

CHROMIUM: Final = "/usr/bin/chromium"
FLAGS: Final = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
SLICES, SIDE, ROUNDS = 300, 512, 3
DOCTOR: Final = "10101201233"
WITHIN_MS: Final = 120_000
PAINTED: Final = """() => [...document.querySelectorAll('canvas')].some((canvas) => {
  const copy = document.createElement('canvas');
  [copy.width, copy.height] = [64, 64];
  const drawn = copy.getContext('2d');
  drawn.drawImage(canvas, 0, 0, 64, 64);
  return drawn.getImageData(0, 0, 64, 64).data.some((value, place) => place % 4 < 3 && value > 90);
})"""
OF_ORTHANC: Final = {
    "first slice": "first slice: of Orthanc's time",
    "all slices": "all slices: of Orthanc's time",
}
COUNTING: Final = """(() => {
  window.received = 0;
  const read = ReadableStreamDefaultReader.prototype.read;
  ReadableStreamDefaultReader.prototype.read = async function reading(...given) {
    const chunk = await read.apply(this, given);
    if (chunk.value) window.received += chunk.value.byteLength;
    return chunk;
  };
  const open = XMLHttpRequest.prototype.open;
  XMLHttpRequest.prototype.open = function opening(method, url, ...more) {
    if (url.includes('/frames/')) this.addEventListener('load', () => { window.received += this.response.byteLength; });
    return open.call(this, method, url, ...more);
  };
})()"""
"""Counts the bytes of frames as OHIF reads them: it leaves a stream at its last byte, and never asks for its end."""
BYTES_OF_A_SLICE: Final = 2 * SIDE * SIDE
Figures = dict[str, float]


@dataclass(frozen=True)
class Server:
    """``address``: gives a new one of the viewer; ``page``: the HTML that starts it, where the server has none."""

    address: Callable[[], str]
    page: bytes | None = None


def run(ours: Krypton, slices: int = SLICES, rounds: int = ROUNDS) -> Figures:
    """Times in ms, and of Orthanc's in the same round; nothing without Chromium."""
    if not Path(CHROMIUM).exists():
        return {}
    uid = new_uid()
    files = write(ours.settings.home / "ct", pictures.ct(slices, SIDE, StudyInstanceUID=uid))
    views = [("worker", name) for name in ("patient_record", "identity_index", "cumulative_dose", "access_history")]
    with processes(ours, ("relay",), *views), served(ours) as (origin, token):
        study = taken_in(ours, files, uid)
        servers = {"Krypton": Server(lambda: linked(origin, token, study))}
        with beside(ours, uid, files) as peer, sync_playwright() as played:
            if peer:
                servers["Orthanc"] = peer
            browser = played.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            found: dict[str, list[float]] = {}
            for _ in range(rounds):
                for name, server in servers.items():
                    for what, took in looked(browser, server, slices).items():
                        found.setdefault(f"{what}: {name} ms", []).append(took)
                found.setdefault("quick look, first image ms", []).append(glanced(browser, origin, token, study))
            browser.close()
    return compared(found)


def compared(found: dict[str, list[float]]) -> Figures:
    """The middle of the rounds, and of the ratios of each round."""
    figures = {name: statistics.median(times) for name, times in found.items()}
    for what, named in OF_ORTHANC.items():
        if theirs := found.get(f"{what}: Orthanc ms"):
            ratios = [mine / other for mine, other in zip(found[f"{what}: Krypton ms"], theirs, strict=True)]
            figures[named] = statistics.median(ratios)
    return figures


def looked(browser: Browser, server: Server, slices: int) -> Figures:
    """From the address on: until a slice is painted, and until all are there."""
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    page = context.new_page()
    page.add_init_script(COUNTING)
    if server.page is not None:
        html = server.page
        headers = {"content-type": "text/html; charset=utf-8"}
        page.route("**/basic?*", lambda route: route.fulfill(body=html, headers=headers))
    address, began = server.address(), time.perf_counter()
    page.goto(address)
    page.wait_for_function(PAINTED, timeout=WITHIN_MS, polling=10)
    first = time.perf_counter() - began
    whole_is = f"() => window.received >= {slices * BYTES_OF_A_SLICE}"
    page.wait_for_function(whole_is, timeout=WITHIN_MS, polling=10)
    whole = time.perf_counter() - began
    context.close()
    return {"first slice": 1_000 * first, "all slices": 1_000 * whole}


def glanced(browser: Browser, origin: str, token: str, study: str) -> float:
    """Until the first picture of quick look is there: for whoever signs in by a token."""
    context = browser.new_context(
        viewport={"width": 400, "height": 800},
        extra_http_headers={"Authorization": f"Bearer {token}", "Krypton-Reason": "bench"},
    )
    page: Page = context.new_page()
    began = time.perf_counter()
    page.goto(f"{origin}/studies/{study}", wait_until="commit")
    page.wait_for_function(
        "() => document.getElementById('picture')?.complete && document.getElementById('picture').naturalWidth > 0",
        timeout=WITHIN_MS,
        polling=5,
    )
    took = 1_000 * (time.perf_counter() - began)
    context.close()
    return took


@contextmanager
def served(ours: Krypton) -> Iterator[tuple[str, str]]:
    """The web service with one account; its address, and the account's token."""
    fetched(ours.settings.web_viewer, print)
    token, port = secrets.token_hex(32), free_port()
    accounts_file(ours.settings.home, account("bench", f"rpps:{DOCTOR}", site="CHB", token=digest(token)))
    process = started(ours, "serve", "web", KRYPTON_WEB_PORT=str(port), KRYPTON_WEB_RATE="5000")
    with ended(process):
        until(lambda: answers(f"http://127.0.0.1:{port}/health"), "the web service answers")
        yield f"http://127.0.0.1:{port}", token


def taken_in(ours: Krypton, files: list[Path], uid: str) -> str:
    """The study, of somebody whom the professional may see; its id."""

    def ask(command: Command) -> Any:
        return ours.execute(command, Envelope("system:bench")).result

    ask(EnrollSite(code="CHB", name="CH du Bac à sable"))
    ask(RegisterProfessional(rpps=DOCTOR, name="Dr Essai", profession="radiologist", sites=("CHB",)))
    ingest(ours, "CHB", files, "system:bench", None)
    identity = ours.resolve("CHB|T-1")
    ours.execute(OpenAccess(identity=identity, rpps=DOCTOR, reason="bench"), Envelope(f"rpps:{DOCTOR}"))
    return str(Study.create_id(ours.ledger.ids, identity, uid))


def linked(origin: str, token: str, study: str) -> str:
    """A new link to the viewer, as soon as the views have the study."""
    headers = {"Authorization": f"Bearer {token}", "Krypton-Reason": "bench"}
    asked = urllib.request.Request(f"{origin}/studies/{study}/viewer", b"", headers, method="POST")

    made: list[str] = []

    def ask() -> bool:
        try:
            with urllib.request.urlopen(asked) as answer:
                made.append(origin + str(json.loads(answer.read())["open"]))
        except urllib.error.HTTPError as refused:
            refused.close()
        return bool(made)

    until(ask, "the study is shown")
    return made[0]


@contextmanager
def beside(ours: Krypton, uid: str, files: list[Path]) -> Iterator[Server | None]:
    """Orthanc with the same study and the same program; None where it is not installed."""
    if shutil.which(PROGRAM) is None:
        yield None
        return
    link, port, folder = uuid4(), free_port(), ours.settings.home / "orthanc"
    folder.mkdir()
    unpacked(ours, folder / "program")
    command = configured(
        folder,
        **WEB_ALONE,
        HttpPort=port,
        HttpCompressionEnabled=False,
        Plugins=[str(PLUGINS)],
        ServeFolders={BASE.rstrip("/"): str(folder / "program")},
        DicomWeb={"Enable": True, "Root": f"/viewer/s/{link}/dicom-web/"},
    )
    origin = f"http://127.0.0.1:{port}"
    with listening(command, port):
        until(lambda: answers(f"{origin}/system"), "Orthanc answers")
        for file in files:
            urllib.request.urlopen(f"{origin}/instances", file.read_bytes()).close()
        page = bytes(Program(ours.settings.web_viewer).page().body)
        yield Server(lambda: f"{origin}/viewer/s/{link}/basic?StudyInstanceUIDs={uid}", page)


def unpacked(ours: Krypton, folder: Path) -> None:
    """The program's files as Orthanc serves them."""
    from krypton.faces.viewer.program import configuration, own

    folder.mkdir()
    for name, one in read(ours.settings.web_viewer).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(gzip.decompress(one.data) if one.made.packed else one.data)
    (folder / configuration()).write_bytes(own("app-config.js"))


def answers(address: str) -> bool:
    """Whether somebody answers there."""
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
