"""The viewer in Chromium: it opens a study by a link, pages, windows, cuts across, and says why when it ends.

Nothing is asked of another host, and the page's content security policy is never broken.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from domain.commands.consents import Oppose
from krypton.devstack.stack import Stack
from krypton.errors import ServiceUnavailable
from tests.fakes import pictures
from tests.fakes.dicom import new_uid
from tests.fakes.web import DOCTOR
from tests.integration.viewer_world import ViewerWorld, viewer_world
from tests.waiting import WITHIN_S

CHROMIUM: Final = "/usr/bin/chromium"
pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="Chromium is absent"),
]
SOFTWARE: Final = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
WITHIN_MS: Final = 1_000 * WITHIN_S
PAINTED: Final = """() => [...document.querySelectorAll('canvas')].every((canvas) => {
  const copy = document.createElement('canvas');
  [copy.width, copy.height] = [canvas.width, canvas.height];
  const drawn = copy.getContext('2d');
  drawn.drawImage(canvas, 0, 0);
  return drawn.getImageData(0, 0, copy.width, copy.height).data.some((value, place) => place % 4 < 3 && value > 90);
})"""
"""Every canvas shows something bright."""
LARGE: Final = {"width": 1400, "height": 900}


@dataclass
class Watched:
    """A page, with what it asked for and complained of."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(WITHIN_MS)
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))

    def _heard(self, message: Any) -> None:
        if message.type == "error" or "Content Security Policy" in message.text:
            self.complaints.append(message.text)

    def show(self, series: str) -> None:
        """Show a series of the side panel."""
        self.page.get_by_text(series, exact=True).first.dblclick()

    def corner(self, where: str, says: str) -> None:
        """What a corner of the viewport says."""
        label = self.page.locator(f'[data-cy="viewport-overlay-bottom-{where}"]').first
        expect(label).to_have_text(re.compile(says), timeout=WITHIN_MS)

    def middle(self) -> tuple[float, float]:
        """Of the viewport."""
        box = self.page.locator("canvas").first.bounding_box()
        assert box is not None
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


@pytest.fixture(scope="module")
def world(stack: Stack) -> Iterator[ViewerWorld]:
    try:
        with viewer_world(stack) as made:
            yield made
    except ServiceUnavailable as away:
        pytest.skip(str(away))


@pytest.fixture
def viewer(world: ViewerWorld) -> Iterator[Watched]:
    with sync_playwright() as played:
        browser = played.chromium.launch(executable_path=CHROMIUM, args=SOFTWARE)
        watched = Watched(browser.new_context(viewport=LARGE).new_page())  # type: ignore[arg-type]
        yield watched
        browser.close()


def opened(world: ViewerWorld, viewer: Watched, **asked: bool) -> None:
    """Open the study by a new link."""
    viewer.page.goto(world.link(world.study, **asked))
    viewer.corner("right", r"\(1/20\)")


def seen(viewer: Watched, name: str) -> None:
    """Keep a picture of the page, to be looked at by people, in the folder that SCREENSHOTS names."""
    if folder := os.environ.get("SCREENSHOTS"):
        viewer.page.screenshot(path=Path(folder) / f"{name}.png")


def test_a_study_is_opened_by_a_link_and_its_address_holds_no_secret(world: ViewerWorld, viewer: Watched) -> None:
    opened(world, viewer)
    expect(viewer.page.get_by_text("FICTIVE, Alex")).to_be_visible()  # whose images: without a click
    seen(viewer, "ct")
    assert re.fullmatch(
        rf"{world.origin}/viewer/s/[0-9a-f-]{{36}}/basic\?StudyInstanceUIDs={world.uid}", viewer.page.url
    )
    assert viewer.page.evaluate("crossOriginIsolated")
    assert "krypton" not in viewer.page.evaluate("document.cookie")
    assert {url.split("/")[2] for url in viewer.asked if not url.startswith("blob:")} == {world.origin.split("/")[2]}
    assert viewer.complaints == []


def test_paging_windowing_and_cuts_in_three_planes(world: ViewerWorld, viewer: Watched) -> None:
    opened(world, viewer)
    viewer.corner("left", "400.*40")
    x, y = viewer.middle()
    viewer.page.mouse.move(x, y)
    viewer.page.mouse.wheel(0, 100)
    viewer.corner("right", r"\(2/20\)")
    viewer.page.mouse.down()
    viewer.page.mouse.move(x + 80, y + 40, steps=5)
    viewer.page.mouse.up()
    viewer.corner("left", "560.*120")
    viewer.page.locator('[data-cy="Layout"]').first.click()
    viewer.page.get_by_text("MPR", exact=True).first.click()
    expect(viewer.page.locator("canvas")).to_have_count(3, timeout=WITHIN_MS)
    for place in range(3):
        corner = viewer.page.locator('[data-cy="viewport-overlay-bottom-right"]').nth(place)
        expect(corner).to_have_text(re.compile(r"\d+/\d+"), timeout=WITHIN_MS)
    viewer.page.wait_for_function(PAINTED, timeout=WITHIN_MS)
    seen(viewer, "mpr")
    assert viewer.complaints == []


def test_a_cine_a_mammogram_a_dose_report_and_a_pdf(world: ViewerWorld, viewer: Watched) -> None:
    opened(world, viewer)
    viewer.show("Ciné")
    viewer.corner("right", r"\(1/40\)")
    seen(viewer, "us")
    viewer.show("MLO G")
    viewer.corner("left", "3600.*2000")
    seen(viewer, "mg")
    viewer.show("Dose")
    expect(viewer.page.get_by_text("X-Ray Radiation Dose Report")).to_be_visible(timeout=WITHIN_MS)
    expect(viewer.page.get_by_text("620 mGy.cm").first).to_be_visible()
    seen(viewer, "dose")
    viewer.show("CR")
    expect(viewer.page.locator('object[type="application/pdf"][data^="blob:"]')).to_be_visible(timeout=WITHIN_MS)
    viewer.page.wait_for_function("document.querySelector('object').contentDocument !== undefined")
    seen(viewer, "pdf")
    assert viewer.complaints == []


def test_the_patients_other_studies_stand_beside_it_where_they_were_asked_for(
    world: ViewerWorld, viewer: Watched
) -> None:
    earlier = {"StudyInstanceUID": new_uid(), "StudyDate": "20240105", "StudyDescription": "Scanner ancien"}
    world.take_in(world.person, *pictures.ct(2, 64, **earlier))
    of_another = world.world.register()
    world.take_in(of_another, *pictures.ct(1, 64, StudyInstanceUID=new_uid(), StudyDescription="Autre patient"))
    opened(world, viewer)
    assert "Scanner ancien" not in viewer.page.content()
    opened(world, viewer, others=True)
    expect(viewer.page.get_by_text("Scanner ancien").first).to_be_visible(timeout=WITHIN_MS)
    seen(viewer, "others")
    assert "Autre patient" not in viewer.page.content()
    assert viewer.complaints == []


def test_when_access_ends_the_viewer_ends_with_a_page_that_says_why(world: ViewerWorld, viewer: Watched) -> None:
    opened(world, viewer)
    world.world.ask(Oppose(identity=UUID(world.person), party=DOCTOR), f"patient:{world.person}")
    ended = viewer.page.get_by_role("heading", name="Nothing is shown any more")
    shown = viewer.page.get_by_text("Ciné", exact=True).first
    shown.or_(ended).dblclick()  # a viewer that still loads images on a busy machine ends before the click
    viewer.page.wait_for_url("**/ended", timeout=WITHIN_MS)
    asked = len(viewer.asked)
    expect(ended).to_be_visible()
    seen(viewer, "ended")
    assert len([url for url in viewer.asked[asked:] if "/frames/" in url]) == 0
