"""Debian's Chromium signs in: what it makes of the cookies, forms and policies, which httpx cannot tell."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.integration.test_sign_in_live import Site, site
from tests.waiting import WITHIN_S

CHROMIUM: Final = Path("/usr/bin/chromium")
pytestmark = [pytest.mark.live, pytest.mark.skipif(not CHROMIUM.exists(), reason="Debian's chromium is not installed")]
__all__ = ["site"]


@pytest.fixture
def page() -> Iterator[Page]:
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        made = browser.new_page()
        made.set_default_timeout(WITHIN_S * 1_000)
        yield made
        browser.close()


def test_chromium_signs_in_says_why_reads_and_signs_out(site: Site, page: Page) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(site.record)
    page.get_by_role("link", name="professionals").click()
    page.get_by_role("button", name="radiologist of two hospitals").click()
    page.get_by_label("Hospital CHS").check()
    page.get_by_role("button", name="Go on").click()
    page.get_by_label("Reason").fill("comparison with earlier exams")
    page.get_by_role("button", name="Go on").click()
    page.wait_for_url(site.record)
    assert site.person in page.content()
    cookies = {one["name"]: one for one in page.context.cookies(site.origin)}
    held = cookies["__Host-krypton"]
    assert (held["httpOnly"], held["secure"], held["sameSite"]) == (True, True, "Lax")
    assert "__Host-krypton-begun" not in cookies
    assert page.evaluate("document.cookie") == ""
    page.goto(f"{site.origin}/sign-out")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"{site.issuer}/session/end*")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"{site.origin}/signed-out*")
    page.goto(site.record)
    assert page.url.startswith(f"{site.origin}/sign-in?next=")
    assert [one for one in said if "Content Security Policy" in one] == []


def test_another_site_makes_chromium_ask_for_nothing(site: Site, page: Page) -> None:
    page.goto(f"{site.origin}/sign-in/psc")
    page.get_by_role("button", name="physician of one hospital").click()
    page.get_by_label("Hospital CHS")
    page.wait_for_url(f"{site.origin}/")
    before = site.world.head
    page.goto(site.issuer + "/nowhere")  # another origin, of the same site
    page.set_content(
        f'<form method="post" action="{site.origin}/sign-out"><button>x</button></form><img src="{site.record}">'
    )
    page.get_by_role("button", name="x").click()
    page.wait_for_url(f"{site.origin}/sign-out")
    assert "Another site asks for this" in page.content()
    page.goto(f"{site.origin}/")
    assert "rpps:10101205671" in page.content()
    assert site.world.head == before
