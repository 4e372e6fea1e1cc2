"""The sharing policy on real views: two persons with one study UID, or with one irradiation event."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.actors import Caller
from krypton.queries.conflicts import conflicts_of
from krypton.queries.review import pairs_to_review
from tests.fakes.region import dose, exposure, received
from tests.integration.policy_world import PolicyWorld, made

pytestmark = pytest.mark.live
CLERK = Caller("clerk:essai", "daily review")


@pytest.fixture
def world(installed_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PolicyWorld]:
    one = made(installed_url, tmp_path, monkeypatch)
    yield one
    one.close()


def test_what_two_persons_claim_is_put_to_a_human_and_nobody_is_merged(world: PolicyWorld) -> None:
    """67 of the DICOM cases, and one study UID under two patient ids."""
    for local_id, uid, report in (("A", "2.25.7", "2.25.71"), ("B", "2.25.7", "2.25.72"), ("C", "2.25.8", "2.25.73")):
        stated: dict[str, str | None] = {"family": f"FICTIVE{local_id}"}
        told = dose(report, exposure("2.25.99", dlp_mgycm=1.0) if local_id != "A" else exposure(f"2.25.98{local_id}"))
        world.ask(received("CHA", uid, local_id=local_id, stated=stated, doses=(told,)))
    world.react("sharing")
    (pair,) = pairs_to_review(world.ours, CLERK)
    assert (pair["rule"], sorted(side["local_id"] for side in pair["identities"])) == ("same-study", ["A", "B"])
    assert pair["persons"][0] != pair["persons"][1]
    world.ask(received("CHA", "2.25.7", local_id="D", stated={"family": "FICTIVED"}))
    world.react("sharing")
    pairs = [sorted(side["local_id"] for side in pair["identities"]) for pair in pairs_to_review(world.ours, CLERK)]
    assert sorted(pairs) == [["A", "B"], ["A", "D"], ["B", "D"]]
    world.work("patient_record")
    found = conflicts_of(world.ours, CLERK)
    assert [(one["kind"], one["uid"]) for one in found] == [("event", "2.25.99")]
