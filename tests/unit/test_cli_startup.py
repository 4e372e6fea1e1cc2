"""A command imports what it needs and no more: ``krypton --help`` answers before a user waits for it.

Modules are counted, not seconds: what a module costs differs between machines, what is imported does not.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import cast

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from krypton.cli.groups import WHOLE, Later
from krypton.cli.main import LINES, build, command_line
from tests.waiting import WITHIN_S

LAZY = cast(TyperGroup, get_command(command_line()))
THERE = cast(TyperGroup, get_command(build()))
NEVER_FOR_HELP = {
    "aiokafka",
    "cryptography",
    "domain",
    "eventsourcing",
    "fastavro",
    "faust",
    "kafka",
    "projections",
    "psycopg2",
    "pydantic",
    "pydicom",
    "pynetdicom",
    "rich",
    "schemas",
    "sqlalchemy",
    "streams",
}


def imported_by(*words: str) -> set[str]:
    """All modules that a process of its own holds after this command line."""
    script = "import sys; from krypton.cli.main import run; run(sys.argv[1:]); print('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script, *words], capture_output=True, text=True, check=True, timeout=WITHIN_S
    )
    return set(done.stdout.split("\n"))


def test_the_command_line_names_each_command_that_its_modules_have_in_their_order() -> None:
    lines = [name for commands in LINES.values() for name in commands]
    assert sorted(lines) == sorted(THERE.commands)
    assert list(LAZY.commands) == lines


@pytest.mark.parametrize("name", THERE.commands)
def test_the_line_of_a_command_is_what_its_module_says(name: str) -> None:
    assert LAZY.commands[name].get_short_help_str(WHOLE) == THERE.commands[name].get_short_help_str(WHOLE)


@pytest.mark.parametrize("name", THERE.commands)
def test_a_command_that_is_imported_when_it_runs_is_the_one_of_that_name(name: str) -> None:
    later = LAZY.commands[name]
    assert isinstance(later, Later)
    found = later.make_context(name, ["--help"], resilient_parsing=True).command
    assert found.name == name
    assert found.help == THERE.commands[name].help


def test_help_imports_no_module_of_a_command_and_nothing_heavy() -> None:
    modules = imported_by("--help")
    assert {"typer", "krypton.cli.main"} <= modules  # or the next lines would hold of anything
    assert {module.partition(".")[0] for module in modules} & NEVER_FOR_HELP == set()
    assert modules & {f"krypton.cli.{name}" for name in LINES} == set()


def test_a_group_imports_its_own_module_and_no_other_groups() -> None:
    assert imported_by("record", "--help") & {f"krypton.cli.{name}" for name in LINES} == {"krypton.cli.record"}


def test_help_shows_whole_sentences_and_no_boxes_within_80_columns() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "krypton.cli.main", "rules", "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert "..." not in said.replace("[ARGS]...", "")
    assert said.isascii()
    assert max(len(line) for line in said.splitlines()) <= 80


HEAVY = {
    *("aiokafka", "asyncio", "fastapi", "faust", "jinja2", "kafka", "mode", "numpy", "orjson", "psutil", "pydicom"),
    *("pynetdicom", "rapidfuzz", "rich", "sqlalchemy", "uvicorn", "uvloop"),
}
ASKS_KAFKA = {"kafka"}
READS: dict[str, tuple[set[str], tuple[str, ...]]] = {
    "record show": (set(), ("cli.record", "queries.fed")),
    "dose show, dose alerts": (set(), ("cli.dose", "queries.worklists")),
    "identity show, search, history, review list": (set(), ("cli.identity", "queries.worklists")),
    "order show, order list": (set(), ("cli.order", "queries.worklists")),
    "reading list": (set(), ("cli.reading", "queries.worklists")),
    "consent show": (set(), ("cli.consent",)),
    "access review list": (set(), ("cli.access", "queries.worklists")),
    "audit as-of": (set(), ("cli.audit", "auditing.as_of")),
    "audit history": (set(), ("cli.audit", "auditing.history")),
    "audit accesses": (set(), ("cli.audit", "auditing.accesses")),
    "audit exposure": (set(), ("cli.audit", "auditing.exposure", "auditing.exposure_report")),
    "audit export": ({"rich"}, ("cli.audit", "auditing.export")),
    "site list": (set(), ("cli.site",)),
    "professional list": (set(), ("cli.professional",)),
    "rules list, rules show": (set(), ("cli.rules",)),
    "dead-letters list": (set(), ("cli.dead_letters",)),
    "views status": (ASKS_KAFKA | {"rich"}, ("cli.views", "views.lag")),
    "policies status": (ASKS_KAFKA, ("cli.policies", "policies.settled")),
    "topics": (ASKS_KAFKA, ("cli.services", "views.lag")),
}
"""What a read is made of, in ``krypton``, and what it may load beside what any of them may."""


EACH_READ = """
import importlib, json, os, sys
import adapters.eventstore, adapters.vault.postgres, projections.versions.catalog
from projections.declared import VIEWS
views = [view.make() for view in VIEWS.values()]
for read, parts in json.loads(sys.argv[1]).items():
    if not os.fork():
        for part in parts:
            importlib.import_module(f"krypton.{part}")
        print(json.dumps([read, [*sys.modules]]), flush=True)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.wait()[1]) == 0, read
"""
"""What all reads load, and then in a process of its own what each loads beside."""


@pytest.fixture(scope="module")
def loaded() -> Mapping[str, Sequence[str]]:
    """The modules that each read has loaded."""
    asked = json.dumps({read: parts for read, (_, parts) in READS.items()})
    command = [sys.executable, "-c", EACH_READ, asked]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=WITHIN_S)
    return dict(map(json.loads, done.stdout.splitlines()))


@pytest.mark.parametrize("read", READS)
def test_a_read_imports_no_tables_and_nothing_of_a_service(read: str, loaded: Mapping[str, Sequence[str]]) -> None:
    """The live test of the same asks a running ledger; this one finds it without."""
    may, parts = READS[read]
    own = {f"krypton.{part}" for part in parts}
    assert {"psycopg2", *own} <= {*loaded[read]}  # or the next line would hold of anything
    assert {module.partition(".")[0] for module in loaded[read]} & HEAVY - may == set()


WITHOUT_IMAGES = (
    *("krypton.services.health_page", "krypton.services.hl7", "krypton.services.notary", "krypton.services.policies"),
    *("krypton.services.registry", "krypton.services.run", "streams.processor.processor", "streams.relay.relay"),
)
"""What the processes of ``krypton run`` are made of that take in and show no images."""


def test_no_process_loads_the_readers_of_dicom_but_those_that_read_it() -> None:
    """They are a third of what such a process loads: its time to start, and its memory."""
    views = "[view.make() for view in VIEWS.values()]"
    modules = ", ".join(WITHOUT_IMAGES)
    script = f"import sys, {modules}\nfrom projections.declared import VIEWS\n{views}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=WITHIN_S)
    imported = {module.partition(".")[0] for module in done.stdout.split()}
    assert "faust" in imported  # or the next line would hold of anything
    assert imported & {"gdcm", "numpy", "PIL", "pydicom", "pynetdicom"} == set()
