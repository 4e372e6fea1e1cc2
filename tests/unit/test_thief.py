"""A thief with a copy of every topic and of the signed tree tries out names: local ids, numbers of orders, study UIDs.

Against ids made without a secret, as earlier programs made them, they find everybody; against ours they find nobody.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid5

import pytest

from domain.aggregates.identity import Identity
from domain.commands.consents import Oppose
from domain.commands.directory import RefuseCaller
from domain.commands.links import Bar
from domain.commands.orders import PlaceOrder
from domain.commands.readings import RequestReading
from domain.ids import Ids
from domain.named import NAMED, foreign
from krypton.intake.csv_import import import_csv
from krypton.intake.identity_csv import IDENTITIES
from schemas.codec import Codec
from schemas.registry import registry
from streams.relay.outgoing import Addresser, NoKeys, Stored
from tests.fakes.ids import IDS
from tests.fakes.region import CLINICIAN, RADIOLOGIST, Region, dose, exposure

PEOPLE = [str(number) for number in range(300)]
TYPED = {
    "id": "7001",
    "assigner": "CHB",
    "family": "FICTIVE",
    "given": "ALIX",
    "birth_date": "1970-01-01",
    "sex": "F",
}
"""A row of a file that was imported."""
UID = "2.25.71"

WITHOUT_A_SECRET = {
    "identity": UUID("0b7f0c52-5b0b-5d4e-8a56-3c1d9a1a6f01"),
    "consent": UUID("c2a8d5f3-77f4-5c3e-9a0c-4b6a35d1e8f2"),
    "order": UUID("d2b85c1e-7f4e-5a39-8a0f-51c6f0b8a405"),
    "refused caller": UUID("e0b7c3a4-6f58-5d0b-8b1c-52d9a6f0b7de"),
    "reading": UUID("58f0c7a6-2c4f-5d0b-9b3e-6d7f1e90c106"),
    "professional": UUID("91f4c0de-1c6d-5f0a-a1f3-0d7be2b6c944"),
    "link": UUID("6c1f6b1e-3d5b-5c0e-9d5c-1f0f6f3f8a11"),
    "study": UUID("3f0a4a3e-4d3b-5f62-9a52-8b5c0a8a2e02"),
    "dose": UUID("a7d9a7ab-40a5-5e0b-bb0a-52c2c7d3f503"),
    "imported row": UUID("9d7c1f0e-0b3a-5a51-9c38-6a7d0a5e4b10"),
}
"""The namespaces that earlier programs made ids in: in the program's own text, for everybody to read."""


class Guessed(Ids):
    """Ids as whoever has no secret makes them."""

    def of(self, kind: str, *names: str) -> UUID:
        return uuid5(WITHOUT_A_SECRET[kind], "|".join(names))


GUESSED = Guessed(bytes(32))


@dataclass
class Stolen:
    """What the thief has: every record's key, headers and clear fields, and the tree's entries."""

    values: set[str]
    """Everything that stands in clear."""
    tree: set[str]
    """Ids of aggregates: all that the tree's tiles hold of them."""


def stolen(region: Region) -> Stolen:
    codec, addresser = Codec(registry(), NoKeys()), Addresser.of(registry())
    taken = Stolen(set(), set())
    for one in region.recorder.select_notifications(0, 1_000_000):
        record = addresser.outgoing(Stored(one.id, str(one.originator_id), one.originator_version, bytes(one.state)))
        _, clear = codec.decode(record.value, one.originator_version, unseal=False)
        taken.values |= {record.key.decode(), *(value.decode() for _, value in record.headers)}
        taken.values |= {text for value in clear.values() for text in texts(value)}
        taken.tree.add(str(one.originator_id))
    return taken


def texts(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (text for each in value.values() for text in texts(each))
    elif isinstance(value, list):
        yield from (text for each in value for text in texts(each))
    elif not isinstance(value, bytes):
        yield str(value)


def lived(ids: Ids, folder: Path) -> Region:
    """A region whose ids are made so: three hundred people, and something of each kind."""
    region = Region(ids)
    people = region.persons(*PEOPLE)
    region.receive(local_id=PEOPLE[0], study_uid=UID, doses=(dose("2.25.5", exposure("2.25.51")),))
    region.ask(Oppose(identity=people[0]))
    region.ask(Bar(one=people[0], other=people[1], reason="twins"))
    asked = {"site": "CHB", "ordered_by": CLINICIAN, "modality": "CT", "question": "?", "placer_number": "A-1"}
    region.ask(PlaceOrder(identity=people[0], **asked))  # type: ignore[arg-type]
    study = UUID(next(event.aggregate_id for event in region.history() if event.type == "study.arrived"))
    region.ask(RequestReading(study=study, from_site="CHB", to_site="CHP", question="?"))
    region.ask(RefuseCaller(ae_title="STRANGER", called="KRYPTON", address="192.0.2.1"))
    file = folder / "people.csv"
    file.write_text(",".join(TYPED) + "\n" + ",".join(TYPED.values()) + "\n")
    import_csv(region, file, IDENTITIES, "clerk:c1")
    return region


def people_found(taken: Stolen) -> list[str]:
    """Who is found by their local id."""
    return [number for number in PEOPLE if str(Identity.create_id(GUESSED, "CHB", number)) in taken.values]


def kinds_found(taken: Stolen, day: str) -> set[str]:
    """The kinds of ids that names, and ids that are known already, lead to; in the tree alone, but for commands."""
    known = sorted(taken.tree)
    tried: dict[str, Iterator[tuple[str, ...]]] = {
        "identity": (("CHB", number, "1") for number in PEOPLE),
        "professional": ((rpps,) for rpps in (CLINICIAN, RADIOLOGIST)),
        "order": (("CHB", f"A-{number}") for number in range(10)),
        "refused caller": ((day, ae_title) for ae_title in ("OTHER", "STRANGER")),
        "consent": ((one,) for one in known),
        "study": ((one, UID) for one in known),
        "dose": ((one,) for one in known),
        "reading": ((one, site, "1") for one in known for site in ("CHB", "CHP")),
        "link": ((one, other) for one in known for other in known),
    }
    found = {kind for kind, names in tried.items() if any(str(GUESSED.of(kind, *each)) in taken.tree for each in names)}
    row = (f"{name}={text}" for name, text in sorted(TYPED.items()))
    return found | ({"imported row"} if str(GUESSED.of("imported row", "", *row)) in taken.values else set())


@pytest.fixture(scope="module", params=[IDS, GUESSED], ids=["ours", "without a secret"])
def region(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Region:
    return lived(request.param, tmp_path_factory.mktemp("thief"))


def test_who_tries_local_ids_finds_nobody(region: Region) -> None:
    """And everybody where ids are made without a secret: else this test would prove nothing."""
    assert people_found(stolen(region)) == (PEOPLE if region.ids is GUESSED else [])


def test_no_name_leads_to_an_id_of_any_kind_and_no_id_to_another(region: Region) -> None:
    """In the tree's tiles, which may be published, a consent is not even known to be of an identity seen there."""
    found = kinds_found(stolen(region), region.clock().date().isoformat())
    assert found == (set(WITHOUT_A_SECRET) if region.ids is GUESSED else set())


def test_whoever_has_the_secret_tells_ids_of_this_region_from_others(region: Region) -> None:
    """Of each event that names its aggregate in clear: what a restored ledger is held to."""
    told = [one for one in region.history() if one.type in NAMED]
    assert {one.type for one in told} == NAMED.keys()
    assert not any(foreign(region.ids, one.type, one.aggregate_id, one.data) for one in told)
    assert all(foreign(Ids(bytes(32)), one.type, one.aggregate_id, one.data) for one in told)
