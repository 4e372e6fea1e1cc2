"""Production code opens PostgreSQL sessions in one place, where they are named and counted."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("domain", "schemas", "projections", "streams", "adapters", "policies", "krypton")
OPENS = re.compile(r"psycopg2\.connect|psycopg2\.pool|create_engine|sqlalchemy\.pool|\b(?:asyncpg|psycopg)\b")


def opening(text: str) -> list[str]:
    """What a module's code holds that opens a session by itself."""
    return OPENS.findall(text)


def test_no_module_opens_a_session_by_itself() -> None:
    found = {
        str(path.relative_to(ROOT)): opening(path.read_text())
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
    }
    assert {path: words for path, words in found.items() if words} == {}


@pytest.mark.parametrize(
    "code", ["psycopg2.connect(url)", "from sqlalchemy import create_engine", "import psycopg2.pool"]
)
def test_a_planted_one_is_found(code: str) -> None:
    assert opening(code)
