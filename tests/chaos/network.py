"""The embedded servers behind lines that can be cut: each listens on a hidden port, and a proxy on the known one."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil

from krypton.devstack.home import StackHome
from krypton.devstack.kafka import Kafka
from krypton.devstack.ports import choose
from krypton.devstack.postgres import Postgres
from krypton.devstack.stack import Stack
from krypton.devstack.teller import Silent
from krypton.home import cache_folder
from krypton.ports import HOST, Ports, answers
from tests.chaos import proxy
from tests.waiting import until


class Line:
    """One proxy between everybody and a server."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._port = self._target = 0

    def lay(self, port: int) -> int:
        """Listen on a port; returns the port that the server must listen on."""
        self._port, self._target = port, choose({port})
        self.open()
        return self._target

    def open(self) -> None:
        """Take connections."""
        words = [sys.executable, "-I", "-S", proxy.__file__, str(self._port), str(self._target)]
        self._process = subprocess.Popen(words, stderr=subprocess.DEVNULL)
        until(lambda: answers(self._port), "the proxy listens")

    def close(self) -> None:
        """End every connection, and take none."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    @contextmanager
    def stalled(self) -> Iterator[None]:
        """Connections stay, and nothing passes."""
        assert self._process
        one = psutil.Process(self._process.pid)
        one.suspend()
        try:
            yield
        finally:
            one.resume()

    def cut(self, seconds: float) -> None:
        """No connection for so long."""
        self.close()
        try:
            time.sleep(seconds)  # as long as the fault lasts
        finally:
            self.open()


class DistantKafka(Kafka):
    """A broker that names the proxy as its address."""

    def __init__(self, home: StackHome, cache: Path, line: Line) -> None:
        super().__init__(home, cache, Silent())
        self._line = line
        self._hidden: int | None = None

    def prepare(self) -> None:
        """See ``Kafka``; the known port is free for the next start."""
        if self.process() is None:
            self._line.close()
        super().prepare()

    def launch(self, ports: Ports) -> psutil.Process | None:
        """See ``Kafka``."""
        assert ports.kafka
        self._hidden = self._line.lay(ports.kafka)
        return super().launch(ports)

    def stop(self) -> None:
        """See ``Kafka``."""
        super().stop()
        self._line.close()

    def kill(self) -> None:
        """See ``Kafka``."""
        super().kill()
        self._line.close()

    def _configure(self, file: Path, data: Path, ports: Ports) -> None:
        super()._configure(file, data, ports)
        if self._hidden:
            near = re.compile(rf"(?m)^(listeners=.*){HOST}:{ports.kafka}\b")
            text, changed = near.subn(rf"\g<1>{HOST}:{self._hidden}", file.read_text())
            assert changed == 1
            file.write_text(text)


class DistantPostgres(Postgres):
    """A database behind the proxy."""

    def __init__(self, home: StackHome, line: Line) -> None:
        super().__init__(home, Silent())
        self._line = line

    def prepare(self) -> None:
        """See ``Postgres``; the known port is free for the next start."""
        if self.process() is None:
            self._line.close()
        super().prepare()

    def launch(self, ports: Ports) -> psutil.Process | None:
        """See ``Postgres``."""
        assert ports.database
        return super().launch(replace(ports, database=self._line.lay(ports.database)))

    def stop(self) -> None:
        """See ``Postgres``."""
        super().stop()
        self._line.close()

    def kill(self) -> None:
        """See ``Postgres``."""
        super().kill()
        self._line.close()


class DistantStack(Stack):
    """A stack whose servers are behind lines."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.lines = {"kafka": Line(), "database": Line()}
        self._kafka = DistantKafka(self._home, cache_folder(self._home.root), self.lines["kafka"])
        self._database = DistantPostgres(self._home, self.lines["database"])

    def server(self, name: str) -> psutil.Process:
        """The process of a server that runs."""
        found = (self._kafka if name == "kafka" else self._database).process()
        assert found, f"{name} does not run"
        return found
