"""Pages of doses in Chromium: on a telephone, a desk, in the dark and on A4, no word is cut off or faint."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from krypton.faces.dose.page import page as patient_page
from krypton.faces.dose.study import page as study_page
from krypton.faces.practice.page import page as device_page
from tests.fakes.dose_pages import LONG, TODAY, beside_region, device, patient, study
from tests.integration.test_look_browser import FAINT
from tests.integration.test_viewer_browser import CHROMIUM, pytestmark

__all__ = ["pytestmark"]
MM: Final = 96 / 25.4
"""Pixels of a style sheet."""
TELEPHONE, DESK, A4 = 360, 1280, round((210 - 2 * 12) * MM)
TALL: Final = (297 - 12 - 18) * MM
"""What a printed page has room for."""
LEGIBLE: Final = 9.0
"""Pixels of the smallest letters of a picture."""
ALIKE: Final = 0.5
"""Pixels by which places may differ that were rounded."""
PAGES: Final[dict[str, Callable[[], str]]] = {
    "one exam": lambda: patient_page(patient(1), "fr", TODAY),
    "sixty exams": lambda: patient_page(patient(60, who=LONG, alerts=True), "fr", TODAY),
    "no exam": lambda: patient_page(patient(0), "en", TODAY),
    "angiography": lambda: study_page(study(200, who=LONG), "fr", TODAY),
    "mammography": lambda: study_page(study(1, "mammography"), "en", TODAY),
    "PET/CT": lambda: study_page(study(3, "PET/CT"), "fr", TODAY),
    "device": lambda: device_page(beside_region(device(900)), "fr", TODAY),
    "devices": lambda: device_page(device(3000, devices=3), "en", TODAY),
}
BEYOND = """(width) => [...document.querySelectorAll('body *')].filter((one) => {
    const box = one.getBoundingClientRect();
    return box.width && !one.closest('thead') && (box.right > width + 0.5 || box.left < -0.5);
  }).map((one) => one.outerHTML.slice(0, 120))"""
IN_PICTURES = """() => [...document.querySelectorAll('svg')].map((svg) => {
    const within = svg.getBoundingClientRect();
    return {within: [within.left, within.top, within.right, within.bottom],
      texts: [...svg.querySelectorAll('text')].map((one) => { const box = one.getBoundingClientRect();
        return {said: one.textContent, box: [box.left, box.top, box.right, box.bottom],
          size: parseFloat(getComputedStyle(one).fontSize) * within.width / svg.viewBox.baseVal.width,
          fill: getComputedStyle(one).fill}; })}; })"""
PAPER = "() => getComputedStyle(document.body).backgroundColor"
UNDIVIDED = """() => [...document.querySelectorAll('tr, article, svg, dl')].map((one) =>
    [one.tagName, getComputedStyle(one).breakInside, one.getBoundingClientRect().height])"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as played:
        made = played.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield made
        made.close()


@pytest.fixture(params=[*PAGES])
def shown(request: pytest.FixtureRequest, browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """A page, as somebody meets it whose browser runs no script of a page."""
    out = tmp_path / "page.html"
    out.write_text(PAGES[request.param](), "utf-8")
    contexts = []

    def show(width: int, **given: Any) -> Page:
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}, offline=True, **given))
        page = contexts[-1].new_page()
        page.goto(out.as_uri())
        return page

    yield show
    for one in contexts:
        one.close()


@pytest.mark.parametrize("width", [TELEPHONE, DESK])
def test_nothing_is_cut_off_nor_wider_than_the_screen(shown: Callable[..., Page], width: int) -> None:
    page = shown(width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(BEYOND, width) == []


@pytest.mark.parametrize("width", [TELEPHONE, DESK, A4])
def test_words_of_pictures_are_legible_whole_and_apart(shown: Callable[..., Page], width: int) -> None:
    page = shown(width)
    if width == A4:
        page.emulate_media(media="print")
    for picture in page.evaluate(IN_PICTURES):
        texts = picture["texts"]
        assert [one["said"] for one in texts if one["size"] < LEGIBLE] == []
        assert [one["said"] for one in texts if not _inside(one["box"], picture["within"])] == []
        assert [(one["said"], other["said"]) for one in texts for other in texts if _meet(one, other)] == []


def _inside(box: list[float], within: list[float]) -> bool:
    left, top, right, bottom = (inner - outer for inner, outer in zip(box, within, strict=True))
    return min(left, top) >= -ALIKE and max(right, bottom) <= ALIKE


def _meet(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Two texts lie on each other by more than the room above and below letters."""
    if one is other:
        return False
    (left, top, right, bottom), (west, north, east, south) = one["box"], other["box"]
    across, down = min(right, east) - max(left, west), min(bottom, south) - max(top, north)
    return bool(across > ALIKE and down > (bottom - top) / 3)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_by_day_and_in_the_dark(shown: Callable[..., Page], scheme: str) -> None:
    page = shown(DESK, color_scheme=scheme)
    paper = page.evaluate(PAPER)
    assert (sum(map(int, paper[4:-1].split(","))) > 384) == (scheme == "light")
    assert page.evaluate(FAINT) == []
    fills = {text["fill"] for picture in page.evaluate(IN_PICTURES) for text in picture["texts"]}
    assert {fill: _contrast(fill, paper) for fill in fills if _contrast(fill, paper) < 4.5} == {}


def _contrast(one: str, other: str) -> float:
    """WCAG 2.2, 1.4.3."""
    low, high = sorted((_light(one), _light(other)))
    return (high + 0.05) / (low + 0.05)


def _light(colour: str) -> float:
    parts = [int(part) / 255 for part in colour[4:-1].split(",")]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_on_a4_nothing_is_too_wide_and_neither_rows_nor_pictures_are_cut_in_two(shown: Callable[..., Page]) -> None:
    page = shown(A4, color_scheme="dark")
    page.emulate_media(media="print")
    assert page.evaluate(PAPER) == "rgb(255, 255, 255)"
    assert page.evaluate(BEYOND, A4) == []
    parts = page.evaluate(UNDIVIDED)
    assert [(tag, height) for tag, inside, height in parts if inside != "avoid" or height > TALL] == []
    heads = "[...document.querySelectorAll('thead')].map((one) => getComputedStyle(one).display)"
    assert {*page.evaluate(heads)} <= {"table-header-group"}
    margins = (
        "[...document.styleSheets[0].cssRules].filter((one) => one instanceof CSSPageRule).map((one) => one.cssText)"
    )
    (rule,) = page.evaluate(margins)
    assert ("A4" in rule.upper(), "counter(page)" in rule) == (True, True)


def test_a_long_study_prints_on_few_sheets_with_all_that_is_told(browser: Browser, tmp_path: Path) -> None:
    """Two hundred exposures with technique: a row of each takes two or three short lines."""
    out, context = tmp_path / "page.html", browser.new_context(offline=True)
    out.write_text(PAGES["angiography"](), "utf-8")
    page = context.new_page()
    page.goto(out.as_uri())
    sheets = page.pdf(prefer_css_page_size=True).count(b"/Type /Page\n")
    page.emulate_media(media="print")
    told = page.evaluate(
        "() => [...document.querySelectorAll('.each tbody td, .each tbody th')].map((one) => one.innerText)"
    )
    context.close()
    assert 0 < sheets <= 12
    assert (len(told), [one for one in told if not one.strip()]) == (200 * 4, [])
