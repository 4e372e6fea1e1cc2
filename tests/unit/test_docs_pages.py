"""The pages of ``docs/``: those made from the code are fresh, every link leads somewhere, the index names each."""

import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from projections.declared import VIEWS
from projections.engine.shape import shapes_of
from tools.__main__ import PAGES

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
WRITTEN = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
INDEX = (DOCS / "README.md").read_text()


def links(page: Path) -> Iterator[str]:
    """Where a page's links lead, but for those to other hosts."""
    for target in LINK.findall(FENCED.sub("", page.read_text())):
        if not re.match(r"[a-z]+:", target):
            yield target


def anchor(heading: str) -> str:
    """As GitHub makes it of a heading."""
    return re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", heading).lower()).replace(" ", "-")


def leads_somewhere(page: Path, target: str) -> bool:
    """Is the file there, and the heading in it?"""
    file, _, place = target.partition("#")
    found = (page.parent / file).resolve() if file else page
    return found.exists() and (not place or place in map(anchor, HEADING.findall(found.read_text())))


@pytest.mark.parametrize("made", PAGES, ids=lambda made: made.__name__.rpartition(".")[2])
def test_a_page_made_from_the_code_is_fresh(made: ModuleType) -> None:
    assert made.PAGE.read_text() == made.page(), "run python -m tools"


@pytest.mark.parametrize("view", VIEWS)
def test_the_shapes_of_a_views_tables_are_fresh(view: str) -> None:
    assert VIEWS[view].shapes() == shapes_of(VIEWS[view].make().tables), "run python -m tools"


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert [target for target in links(page) if not leads_somewhere(page, target)] == []


def test_a_link_to_nothing_is_found() -> None:
    here = DOCS / "README.md"
    assert leads_somewhere(here, "operations.md#rules")
    assert not leads_somewhere(here, "operations.md#no-such-heading")
    assert not leads_somewhere(here, "no-such-page.md")


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.*")), ids=lambda page: page.name)
def test_the_index_names_each_page(page: Path) -> None:
    assert page.name == "README.md" or f"]({page.name})" in INDEX


def test_each_decision_has_a_number_of_its_own_and_says_it() -> None:
    numbers = {page.name: int(page.name[:4]) for page in (DOCS / "adr").glob("*.md")}
    assert len({*numbers.values()}) == len(numbers)
    said = {name: re.match(r"# (\d+)\. ", (DOCS / "adr" / name).read_text()) for name in numbers}
    assert {name: int(number[1]) for name, number in said.items() if number} == numbers
