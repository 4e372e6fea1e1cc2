"""Downloads Apache Kafka's jars once from Maven Central, verifies them against ``jars_lock``, and caches them."""

import hashlib
import shutil
import tempfile
from contextlib import nullcontext
from pathlib import Path

from krypton.devstack.jars_lock import ENDPOINT, KAFKA_VERSION, LOCKED
from krypton.devstack.teller import Teller
from krypton.errors import ServiceUnavailable
from krypton.once import once

DOWNLOAD_BYTES = 46_000_000  # all jars together: only for the progress bar
HTTP_TIMEOUT_S = 30


def class_path(cache: Path, tell: Teller) -> str:
    """Java's class path for Kafka; downloads what is missing or damaged. Raises ServiceUnavailable."""
    jars = cache / f"kafka-{KAFKA_VERSION}"
    who = "another krypton dev downloads Kafka"
    once(cache / "lock", who, tell.say, done=lambda: complete(jars), make=lambda: _fetch(jars, tell))
    return f"{jars}/*"


def complete(jars: Path) -> bool:
    """Whether every locked jar is present with the locked content (0.1 s for all 46 MB)."""
    return all((jars / name).is_file() and _sha256(jars / name) == digest for name, digest in LOCKED.items())


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _fetch(jars: Path, tell: Teller) -> None:
    """Download into a temporary folder, verify, then move it into place: a failed attempt leaves nothing."""
    tell.say(f"fetching Apache Kafka {KAFKA_VERSION} from Maven Central (46 MB, once)")
    work = Path(tempfile.mkdtemp(prefix="fetching-", dir=jars.parent))
    try:
        found = _resolve(work, tell)
        fresh = work / "whole"
        fresh.mkdir()
        for name in LOCKED:
            shutil.move(found[name], fresh / name)
        if not complete(fresh):
            raise ValueError("a jar differs from its locked SHA-256")
        shutil.rmtree(jars, ignore_errors=True)
        fresh.rename(jars)
    except Exception as failure:  # the resolver raises whatever its HTTP and XML libraries do
        raise ServiceUnavailable(
            f"Apache Kafka {KAFKA_VERSION} could not be fetched from Maven Central "
            f"({type(failure).__name__}: {failure}): check the network and the proxy, then run "
            "krypton dev up again; or set KRYPTON_KAFKA to the address of a running broker"
        ) from failure
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _resolve(work: Path, tell: Teller) -> dict[str, Path]:
    """Every jar of the endpoint and of what it depends on, by file name."""
    from jgo.constants import MAVEN_CENTRAL_URL  # imported here: it takes half a second, and only a download needs it
    from jgo.env import EnvironmentBuilder, LinkStrategy
    from jgo.maven import MavenContext, PythonResolver

    with tell.downloading(f"Apache Kafka {KAFKA_VERSION}", DOWNLOAD_BYTES) as advance:
        context = MavenContext(
            resolver=PythonResolver(progress_callback=lambda _name, _size: nullcontext(advance)),
            repo_cache=work / "maven",
            remote_repos={"central": MAVEN_CENTRAL_URL},
            timeout=HTTP_TIMEOUT_S,
        )
        builder = EnvironmentBuilder(context=context, cache_dir=work / "jgo", link_strategy=LinkStrategy.AUTO)
        environment = builder.from_endpoint(ENDPOINT)
    # jgo puts jars that are Java modules into a separate folder; the class path here takes both.
    return {jar.name: jar for folder in ("jars", "modules") for jar in (environment.path / folder).glob("*.jar")}
