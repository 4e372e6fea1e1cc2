"""Whatever may be stated of a person as they are registered may be corrected."""

import inspect
from collections.abc import Callable

import pytest

from domain.traits import TRAITS
from krypton.cli import identity


@pytest.mark.parametrize("command", [identity.register, identity.correct])
def test_each_trait_has_an_option(command: Callable[..., None]) -> None:
    assert {*TRAITS} <= {*inspect.signature(command).parameters}
