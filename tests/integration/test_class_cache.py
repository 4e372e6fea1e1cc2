"""Java's cache of Kafka's classes: one that fits is taken, one that does not is passed over."""

import subprocess
from pathlib import Path

import pytest

from krypton.devstack import class_cache
from krypton.devstack.class_cache import WITHIN_S
from krypton.devstack.jars import class_path
from krypton.devstack.stack import Stack
from krypton.devstack.teller import Silent
from krypton.home import cache_folder
from tests.unit.test_devstack import Heard

pytestmark = pytest.mark.live

PROGRAM = ("kafka.tools.StorageTool", "random-uuid")


def ran(command: list[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, capture_output=True, text=True, timeout=WITHIN_S, check=False)


def test_the_cache_that_the_stack_made_is_taken(stack: Stack) -> None:
    command = class_cache.java(class_path(cache_folder(stack.root), Silent()), *PROGRAM)
    assert any(word.startswith("-XX:AOTCache=") for word in command)
    demanded = ran([command[0], "-XX:AOTMode=on", *command[1:]])  # Java ends with an error if the cache does not fit
    assert demanded.returncode == 0, demanded.stderr


def test_a_damaged_cache_costs_nothing_but_time(stack: Stack, tmp_path: Path) -> None:
    command = class_cache.java(class_path(cache_folder(stack.root), Silent()), *PROGRAM)
    damaged = tmp_path / "classes"
    damaged.write_bytes(b"no cache of classes")
    said = ran([f"-XX:AOTCache={damaged}" if word.startswith("-XX:AOTCache=") else word for word in command])
    assert said.returncode == 0
    assert "aot" not in said.stderr.lower()


def test_a_cache_that_cannot_be_made_is_told_and_kafka_is_run_without(tmp_path: Path) -> None:
    heard = Heard()
    class_cache.make(f"{tmp_path}/*", heard)  # a folder without jars
    assert "Kafka's classes could not be prepared, so it starts slower" in heard.lines[-1]
    assert {path.suffix for path in tmp_path.iterdir()} == {".lock"}
    assert not any(word.startswith("-XX:AOTCache") for word in class_cache.java(f"{tmp_path}/*", *PROGRAM))
