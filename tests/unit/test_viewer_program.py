"""The viewer's program: fetched once, the very bytes that are locked, cut down, and never half there."""

import base64
import gzip
import hashlib
import io
import tarfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from krypton.errors import ServiceUnavailable
from krypton.ohif import fetch, making, minify
from krypton.ohif.fetch import fetched
from krypton.ohif.folder import entry, read
from krypton.ohif.lock import BASE
from krypton.ohif.making import LICENSE
from tests.fakes.ohif import DIST, OTHERS, WORKERS, package

MINIFY = fetch._minify


def silent(_: str) -> None:
    """Nothing is said."""


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Path]:
    file = package(tmp_path / "ohif.tgz", monkeypatch)
    return lambda: fetched(tmp_path / "cache" / "viewer", silent, file)


def test_what_a_viewer_needs_is_kept_compressed_and_the_rest_left_out(make: Callable[[], Path]) -> None:
    files = read(make())
    assert set(files) == {
        *("app.bundle.0123456789abcdef.js", "app.bundle.css", "77.bundle.0123456789abcdef.js", "0123456789abcdef.wasm"),
        *("assets/images/CT-Bone.png", LICENSE),
        *WORKERS,
    }
    for name, one in files.items():
        if name in ("0123456789abcdef.wasm", "assets/images/CT-Bone.png"):
            assert (gzip.decompress(one.data) if one.made.packed else one.data) == DIST[name]
    assert {name for name, one in files.items() if one.made.worker} == {*WORKERS}
    assert files["0123456789abcdef.wasm"].made.type == "application/wasm"


def test_its_files_name_the_path_under_which_they_are_served_and_one_mode_alone(make: Callable[[], Path]) -> None:
    files = read(make())
    program = gzip.decompress(files[entry(files)].data)
    assert f'__webpack_require__.p = "{BASE}";'.encode() in program
    assert b"@ohif/mode-basic" in program
    assert not [mode for mode in OTHERS if mode in program]
    assert f"url({BASE}0123456789abcdef.woff2)".encode() in gzip.decompress(files["app.bundle.css"].data)


def test_dose_reports_are_shown_as_other_reports_are(make: Callable[[], Path]) -> None:
    part = gzip.decompress(read(make())["77.bundle.0123456789abcdef.js"].data)
    assert b"Comprehensive3DSR, sopClassDictionary.XRayRadiationDoseSR," in part


def test_other_bytes_than_the_locked_ones_are_not_taken_and_leave_nothing(
    make: Callable[[], Path], tmp_path: Path
) -> None:
    with (tmp_path / "ohif.tgz").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ServiceUnavailable, match=r"SHA-512 is locked.*krypton viewer fetch --package FILE"):
        make()
    assert [one.name for one in (tmp_path / "cache").iterdir()] == ["viewer.lock"]


def test_another_ohif_in_which_there_is_nothing_to_rewrite_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dist = {name: data.replace(b'.p = "/"', b".p = path") for name, data in DIST.items()}
    file = package(tmp_path / "other.tgz", monkeypatch, dist)
    with pytest.raises(ServiceUnavailable, match="that is another OHIF"):
        fetched(tmp_path / "viewer", silent, file)
    assert not (tmp_path / "viewer").exists()


def test_two_at_once_make_it_once(make: Callable[[], Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made: list[Path] = []
    whole = making.make

    def counted(package: Path, folder: Path, *more: Any) -> None:
        made.append(folder)
        whole(package, folder, *more)

    monkeypatch.setattr(fetch, "make", counted)
    with ThreadPoolExecutor(3) as threads:
        folders = {one.result() for one in [threads.submit(make) for _ in range(3)]}
    assert (len(made), folders) == (1, {tmp_path / "cache" / "viewer"})


@pytest.mark.parametrize("damaged", ["app.bundle.css", "manifest.json"])
def test_a_damaged_folder_is_not_served_and_is_made_again(make: Callable[[], Path], damaged: str) -> None:
    folder = make()
    (folder / damaged).write_bytes(b"{}")
    assert read(folder) == {}
    assert read(make()) != {}


def test_a_manifest_names_no_file_outside_its_folder(make: Callable[[], Path], tmp_path: Path) -> None:
    folder = make()
    (tmp_path / "cache" / "secret.js").write_bytes(b"secret")
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"app.bundle.css"', '"../secret.js"'))
    assert "../secret.js" not in read(folder)


def test_without_npm_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ServiceUnavailable, match=r"no npm is here: install Node\.js, or the Python package"):
        fetched(tmp_path / "viewer", silent)


def test_what_npm_says_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "npm"
    program.write_text("#!/bin/sh\necho 'npm error code E404' >&2\nexit 1\n")
    program.chmod(0o700)
    monkeypatch.setattr(fetch, "npm", lambda: [str(program)])
    with pytest.raises(ServiceUnavailable, match="npm error code E404"):
        fetched(tmp_path / "viewer", silent)


SMALL = """#!/bin/sh
# As esbuild: each program that is named is written again where it lies.
case "$*" in *--minify*) ;; *) exit 1 ;; esac
for name in "$@"; do
    case "$name" in ./*) printf small > "$name" ;; esac
done
"""


def esbuild(file: Path, monkeypatch: pytest.MonkeyPatch, script: str = SMALL) -> Path:
    """A package as esbuild's, whose digest is locked for this machine."""
    with tarfile.open(file, "w:gz") as archive:
        entry = tarfile.TarInfo(str(minify.PROGRAM))
        entry.size, entry.mode = len(script), 0o755
        archive.addfile(entry, io.BytesIO(script.encode()))
    digest = base64.b64encode(hashlib.sha512(file.read_bytes()).digest()).decode()
    monkeypatch.setattr(minify, "package", lambda: ("@esbuild/test", digest))
    monkeypatch.setattr(fetch, "_minify", MINIFY)
    return file


def test_programs_are_made_small_before_they_are_compressed_and_nothing_else_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ohif = package(tmp_path / "ohif.tgz", monkeypatch)
    files = read(fetched(tmp_path / "viewer", silent, ohif, esbuild(tmp_path / "esbuild.tgz", monkeypatch)))
    for name, one in files.items():
        data = gzip.decompress(one.data) if one.made.packed else one.data
        assert (data == b"small") == name.endswith(".js")
    assert {name for name, one in files.items() if one.made.worker} == {*WORKERS}


@pytest.mark.parametrize("why", ["other bytes", "it fails", "no such machine"])
def test_without_the_locked_esbuild_nothing_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str) -> None:
    ohif = package(tmp_path / "ohif.tgz", monkeypatch)
    script = "#!/bin/sh\nexit 1\n" if why == "it fails" else SMALL
    small = esbuild(tmp_path / "esbuild.tgz", monkeypatch, script)
    if why == "other bytes":
        small.write_bytes(small.read_bytes() + b"\0")
    elif why == "no such machine":
        monkeypatch.setattr(minify, "package", lambda: None)
    with pytest.raises(ServiceUnavailable, match="--package FILE --minifier FILE"):
        fetched(tmp_path / "viewer", silent, ohif, small)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["esbuild.tgz", "ohif.tgz", "viewer.lock"]
