"""Quick look in Chromium: on a desk and a telephone, with its script and without, and for those who do not see it."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from krypton.devstack.stack import Stack
from krypton.errors import ServiceUnavailable
from tests.fakes.web import TOKEN, WHY
from tests.integration.test_viewer_browser import CHROMIUM, SOFTWARE, WITHIN_MS, Watched, pytestmark, seen
from tests.integration.viewer_world import ViewerWorld, viewer_world

__all__ = ["pytestmark"]
DESK, TELEPHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
LOADED = "() => { const one = document.getElementById('picture'); return one.complete && one.naturalWidth > 0; }"
SMALLEST = 44
"""Pixels of a side that a finger meets (WCAG 2.5.5)."""


@pytest.fixture(scope="module")
def world(stack: Stack) -> Iterator[ViewerWorld]:
    try:
        with viewer_world(stack) as made:
            yield made
    except ServiceUnavailable as away:
        pytest.skip(str(away))


@pytest.fixture
def browser() -> Iterator[Browser]:
    with sync_playwright() as played:
        made = played.chromium.launch(executable_path=CHROMIUM, args=SOFTWARE)
        yield made
        made.close()


def look(world: ViewerWorld, browser: Browser, viewport: dict[str, int], **given: Any) -> Watched:
    """The page, for the doctor."""
    headers = {"Authorization": f"Bearer {TOKEN}", **WHY}
    context = browser.new_context(viewport=viewport, extra_http_headers=headers, **given)  # type: ignore[arg-type]
    made = Watched(context.new_page())
    made.page.goto(f"{world.origin}/studies/{world.study}")
    return made


def shown(watched: Watched, says: str) -> None:
    expect(watched.page.get_by_role("status")).to_have_text(says, timeout=WITHIN_MS)
    watched.page.wait_for_function(LOADED, timeout=WITHIN_MS)


def test_it_shows_a_picture_at_once_with_report_and_dose(world: ViewerWorld, browser: Browser) -> None:
    watched = look(world, browser, DESK)
    shown(watched, "Image 10 of 20")
    page = watched.page
    expect(page.get_by_role("note")).to_contain_text("Not for diagnosis")
    expect(page.get_by_role("heading", level=1)).to_have_text("FICTIVE Alex")
    expect(page.get_by_text("DLP 620 mGy·cm")).to_be_visible()
    expect(page.get_by_text("Sans particularité.")).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("PDF"))).to_be_visible()
    seen(watched, "look-desk")
    assert {url.split("/")[2] for url in watched.asked} == {world.origin.split("/")[2]}
    assert watched.complaints == []


def test_slider_keys_wheel_and_windows_show_others_without_another_page(world: ViewerWorld, browser: Browser) -> None:
    watched = look(world, browser, DESK)
    shown(watched, "Image 10 of 20")
    page, before = watched.page, len([url for url in watched.asked if "/studies/" in url and "rendered" not in url])
    page.keyboard.press("ArrowRight")
    shown(watched, "Image 11 of 20")
    page.get_by_role("link", name="Last").click()
    shown(watched, "Image 20 of 20")
    page.get_by_label("Image", exact=True).fill("5")
    shown(watched, "Image 5 of 20")
    page.locator("#stage").hover()
    page.mouse.wheel(0, 100)
    shown(watched, "Image 6 of 20")
    page.get_by_role("link", name="Lung").click()
    expect(page.locator("#picture")).to_have_attribute("src", re.compile("window=-600,1500"), timeout=WITHIN_MS)
    seen(watched, "look-lung")
    assert len([url for url in watched.asked if "/studies/" in url and "rendered" not in url]) == before
    assert watched.complaints == []
    page.reload()
    shown(watched, "Image 6 of 20")


def test_on_a_telephone_nothing_is_wider_than_it_and_all_can_be_met_by_a_finger(
    world: ViewerWorld, browser: Browser
) -> None:
    watched = look(world, browser, TELEPHONE, has_touch=True, is_mobile=True)
    shown(watched, "Image 10 of 20")
    assert watched.page.evaluate("document.documentElement.scrollWidth") <= TELEPHONE["width"]
    for one in watched.page.locator("main a, main button, main input, header button").all():
        box = one.bounding_box()
        if box and not (one.get_attribute("target") or one.get_attribute("type") == "hidden"):
            assert min(box["width"], box["height"]) >= SMALLEST, one.inner_text()
    seen(watched, "look-telephone")


def test_without_a_script_links_and_the_form_do_the_same(world: ViewerWorld, browser: Browser) -> None:
    watched = look(world, browser, DESK, java_script_enabled=False)
    page = watched.page
    expect(page.get_by_role("status")).to_have_text("Image 10 of 20")
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_role("status")).to_have_text("Image 11 of 20")
    page.get_by_role("link", name="Bone").click()
    expect(page.locator("#picture")).to_have_attribute("src", re.compile("window=400,1800"))
    page.get_by_role("link", name=re.compile("Ciné")).click()
    expect(page.get_by_role("status")).to_have_text("Image 20 of 40")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("status")).to_have_text("Image 20 of 40")


def test_the_button_opens_the_viewer(world: ViewerWorld, browser: Browser) -> None:
    watched = look(world, browser, DESK)
    watched.page.get_by_role("button", name="Open in the viewer", exact=True).click()
    watched.page.wait_for_url("**/basic?*", timeout=WITHIN_MS)
    watched.corner("right", r"\(1/20\)")


def test_words_and_controls_have_names_and_stand_out(world: ViewerWorld, browser: Browser) -> None:
    """What a screen reader is told, and that text is 4.5 times as bright as what it stands on, or the reverse."""
    watched = look(world, browser, DESK)
    shown(watched, "Image 10 of 20")
    assert watched.page.evaluate(NAMELESS) == []
    assert watched.page.evaluate(FAINT) == []
    assert watched.page.evaluate("document.documentElement.lang") == "en"


NAMELESS = """() => [...document.querySelectorAll('a, button, input:not([type=hidden]), img, nav, section')]
  .filter((one) => !(one.textContent.trim() || one.getAttribute('aria-label') || one.getAttribute('aria-labelledby')
    || one.getAttribute('alt') !== null || (one.labels && one.labels.length))).map((one) => one.outerHTML)"""
FAINT = """() => {
  const channel = (value) => { const part = value / 255;
    return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4; };
  const light = (colour) => { const [r, g, b] = colour.match(/[\\d.]+/g).map(Number);
    return 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b); };
  const behind = (one) => { for (let at = one; at; at = at.parentElement) {
    const colour = getComputedStyle(at).backgroundColor; if (!/, 0\\)$/.test(colour)) return colour; }
    return 'rgb(255, 255, 255)'; };
  return [...document.querySelectorAll('body *')].filter((one) => {
    if (![...one.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim())) return false;
    if (one.tagName === 'SCRIPT' || one.closest('[aria-disabled=true]')) return false;
    const [high, low] = [light(getComputedStyle(one).color), light(behind(one))].sort((a, b) => b - a);
    return (high + 0.05) / (low + 0.05) < 4.5;
  }).map((one) => one.outerHTML.slice(0, 120));
}"""
