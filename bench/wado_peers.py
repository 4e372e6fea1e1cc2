"""What WADO-RS of Krypton is compared with: plain file serving, and Orthanc with its DICOMweb plugin."""

import http.client
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from bench.listening import LOCAL, listening
from bench.orthanc import DICOMWEB, WEB_ALONE, configured
from tests.fakes.ports import free_port


@contextmanager
def plain(folder: Path, files: Sequence[Path]) -> Iterator[int]:
    """The port of a server of one file, ``/whole``, of the files' size."""
    served = folder / "plain"
    served.mkdir()
    with (served / "whole").open("wb") as whole:
        for file in files:
            with file.open("rb") as one:
                shutil.copyfileobj(one, whole)
    port = free_port()
    command = [sys.executable, "-m", "http.server", str(port), "--bind", LOCAL, "--directory", str(served)]
    with listening(command, port):
        yield port


@contextmanager
def orthanc(files: Sequence[Path]) -> Iterator[int]:
    """The port of an Orthanc that has the files."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="krypton-bench-") as folder:
        command = configured(
            Path(folder),
            **WEB_ALONE,
            HttpPort=port,
            RemoteAccessAllowed=False,
            SyncStorageArea=False,
            Plugins=[str(DICOMWEB)],
            DicomWeb={"Enable": True, "StudiesMetadata": "MainDicomTags", "SeriesMetadata": "Full"},
        )
        with listening(command, port), closing(http.client.HTTPConnection(LOCAL, port)) as sender:
            for one in files:
                sender.request("POST", "/instances", one.read_bytes())
                answer = sender.getresponse()
                answer.read()
                assert answer.status == http.client.OK, "Orthanc does not take it"
            yield port
