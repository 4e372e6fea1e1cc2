"""Links to the viewer on a real ledger: each look is decided once, and ends with what it rests on."""

from collections.abc import Iterator
from uuid import UUID

import httpx
import pytest

from domain.commands.consents import Grant, Oppose
from domain.commands.studies import WithdrawStudy
from krypton.devstack.stack import Stack
from krypton.errors import ServiceUnavailable
from tests.fakes import pictures
from tests.fakes.dicom import new_uid
from tests.fakes.web import DOCTOR, WHY
from tests.integration.test_web_live import recorded
from tests.integration.viewer_world import OTHERS, ViewerWorld, viewer_world
from tests.waiting import until

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def world(stack: Stack) -> Iterator[ViewerWorld]:
    try:
        with viewer_world(stack) as made:
            yield made
    except ServiceUnavailable as away:
        pytest.skip(str(away))


@pytest.fixture
def study(world: ViewerWorld) -> tuple[str, str, str]:
    """A person, their study's id and its UID, of whom the doctor has an access."""
    person, uid = world.world.register(), new_uid()
    made = world.take_in(person, *pictures.ct(3, 16, StudyInstanceUID=uid))
    world.world.open(person)
    world.world.settle()
    return person, made, uid


class Looker:
    """A browser that opened a link: it has its cookie, and sends it to the link's own path."""

    def __init__(self, world: ViewerWorld, study: str, **asked: bool) -> None:
        answer = httpx.get(world.link(study, **asked), follow_redirects=False)
        assert answer.status_code == 303, answer.text
        self.cookie = answer.headers["set-cookie"].partition(";")[0]
        self.home = f"{world.origin}{answer.headers['location'].partition('/basic')[0]}"

    def get(self, path: str) -> httpx.Response:
        return httpx.get(self.home + path, headers={"cookie": self.cookie})

    def studies(self, query: str) -> list[str]:
        answer = self.get(f"/dicom-web/studies?{query}")
        assert answer.status_code == 200, answer.text
        return [one["0020000D"]["Value"][0] for one in answer.json()]


def test_a_look_is_on_record_once_when_it_is_asked_for_and_once_for_its_images(
    world: ViewerWorld, study: tuple[str, str, str]
) -> None:
    _, made, uid = study
    before = world.world.head
    looker = Looker(world, made)
    (series,) = looker.get(f"/dicom-web/studies/{uid}/series").json()
    found = looker.get(f"/dicom-web/studies/{uid}/series/{series['0020000E']['Value'][0]}/metadata").json()
    for one in found:
        at = f"/dicom-web/studies/{uid}/series/{series['0020000E']['Value'][0]}/instances/{one['00080018']['Value'][0]}"
        assert looker.get(f"{at}/frames/1").status_code == 200
    told = [(one["actor"], one["kind"], one["reason"]) for one in recorded(world.world, before)]
    assert told == [(DOCTOR, "study.show", WHY["Krypton-Reason"])] * 2


def test_nobody_gets_a_link_to_a_study_that_they_may_not_see(world: ViewerWorld, study: tuple[str, str, str]) -> None:
    answer = world.ask(f"/studies/{study[1]}/viewer", OTHERS, "POST")
    assert (answer.status_code, answer.json()["rule"]) == (403, "X12")


def opposed(world: ViewerWorld, person: str, _: str) -> None:
    world.world.ask(Oppose(identity=UUID(person), party=DOCTOR), f"patient:{person}")


def withdrawn(world: ViewerWorld, _: str, study: str) -> None:
    world.world.ask(WithdrawStudy(study=UUID(study), reason="wrong patient"))


@pytest.mark.parametrize(("ends", "says"), [(opposed, "opposes it (X5)"), (withdrawn, "it was withdrawn")])
def test_it_ends_when_the_gate_says_no_and_says_why(
    world: ViewerWorld, study: tuple[str, str, str], ends: object, says: str
) -> None:
    person, made, uid = study
    looker = Looker(world, made)
    path = f"/dicom-web/studies/{uid}/series"
    assert looker.get(path).status_code == 200
    ends(world, person, made)  # type: ignore[operator]
    until(lambda: looker.get(path).status_code in (403, 404), "nothing is shown any more")
    assert says in looker.get("/ended").text


def test_the_patients_other_studies_are_the_gates_answer(world: ViewerWorld, study: tuple[str, str, str]) -> None:
    person, made, uid = study
    hidden, shown = new_uid(), new_uid()
    for other in (hidden, shown):
        world.take_in(person, *pictures.ct(1, 16, StudyInstanceUID=other))
    grant = Grant(identity=UUID(person), party=DOCTOR, exclusions=[f"study:{hidden}"])
    world.world.ask(grant, f"patient:{person}")
    world.world.settle()
    whose = "00100020=T-1"
    assert set(Looker(world, made, others=True).studies(whose)) == {uid, shown}
    assert Looker(world, made).studies(whose) == [uid]
    looker = Looker(world, made, others=True)
    assert looker.get(f"/dicom-web/studies/{shown}/series").status_code == 200
    assert looker.get(f"/dicom-web/studies/{hidden}/series").status_code == 404
    assert looker.get(f"/dicom-web/studies/{world.uid}/series").status_code == 404


def test_a_study_that_is_another_persons_now_is_not_shown_by_an_old_link(
    world: ViewerWorld, study: tuple[str, str, str]
) -> None:
    _, made, uid = study
    looker = Looker(world, made)
    assert looker.studies(f"StudyInstanceUID={uid}") == [uid]
    world.world.reassign(made, world.world.register())
    until(lambda: looker.get(f"/dicom-web/studies/{uid}/series").status_code in (403, 404), "it is not shown")
