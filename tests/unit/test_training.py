"""Matching rules learned from an index: a document that may be published, the same each time, and of nobody."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from bench.linkage.region import region
from domain.errors import NotFound
from domain.matching.limits import Placeless
from domain.rules.document import read_document
from krypton.cli.train import rows
from krypton.views.train import Learned, Wanted, train
from projections.identity_index.identity_rows import NO_TRAITS

PEOPLE = 700
SHARED_BY = 50
Row = tuple[Any, str | None, str | None, bool]
"""Traits, matricule, its OID, and whether it took the place of another."""
WANTED = Wanted(version=7, in_force_from="2026-02-01", sample=100_000, placeless=Placeless.NEVER)


class Index:
    """What a snapshot of the index answers, row by row."""

    def __init__(self, traits: list[Row]) -> None:
        self._traits = traits
        self.itersize = 0

    def cursor(self, _: str) -> "Index":
        return self

    def __enter__(self) -> "Index":
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""

    def execute(self, _: str, values: tuple[int]) -> None:
        (self._most,) = values

    def __iter__(self) -> Iterator[Row]:
        return iter(self._traits[: self._most])


@pytest.fixture(scope="module")
def index() -> Index:
    """Fictitious people, a few of whom nothing can be read of."""
    told: list[Row] = [(dict(each.traits), *_number(each.ins), False) for each in region(PEOPLE, 5)]
    return Index([*told, (NO_TRAITS, None, None, False), (None, None, None, False)])


def _number(ins: str | None) -> tuple[str | None, str | None]:
    oid, _, matricule = (ins or "").partition("|")
    return matricule or None, oid or None


@pytest.fixture(scope="module")
def learned(index: Index) -> Learned:
    return train(index, WANTED)  # type: ignore[arg-type]  # as much of a connection as is asked


def test_what_is_learned_is_a_rule_file_and_the_same_each_time(index: Index, learned: Learned) -> None:
    found = read_document(learned.text(), as_json=True)
    assert (str(found.id), found.in_force_from) == ("matching@7", "2026-02-01")
    assert train(index, WANTED).text() == learned.text()  # type: ignore[arg-type]


def test_agreement_speaks_for_one_person_and_a_contradiction_against(learned: Learned) -> None:
    """And the limits are as asked."""
    bits = learned.document["body"]["model"]["bits"]
    assert min(bits["family"]["exact"], bits["given"]["exact"], bits["birth"]["exact"], bits["number"]["own"]) > 0
    assert max(bits["family"]["different"], bits["birth"]["different"], bits["number"]["different"]) < 0
    assert learned.document["body"]["model"]["limits"]["placeless"] == "never"
    assert len(rows(learned.model)) == sum(map(len, bits.values()))


def test_what_is_learned_may_be_published_where_no_number_sex_or_used_name_is_known() -> None:
    """A contradiction that nobody has shown yet still speaks against."""
    known = ("family", "given", "birth_date")
    index = Index([({trait: each.traits[trait] for trait in known}, None, None, False) for each in region(PEOPLE, 5)])
    found = train(index, WANTED)  # type: ignore[arg-type]
    bits = found.document["body"]["model"]["bits"]
    assert {bits[field]["different"] for field in ("number", "sex", "others", "used")} == {-1.0}
    assert read_document(found.text(), as_json=True).version == WANTED.version


def test_no_name_is_kept_that_few_people_have(index: Index, learned: Learned) -> None:
    """It may name one of them, and the document stays for ever."""
    kept: Mapping[str, float] = {**learned.model.family.common, **learned.model.given.common}
    text = json.dumps(learned.document)
    rare = {str(traits["family"]) for traits, *_ in index._traits if isinstance(traits, dict) and traits.get("family")}
    assert len([name for name in rare if name in kept]) < len(rare) / 2
    assert all(share * learned.identities >= SHARED_BY - 1 for share in kept.values())
    assert all(name in kept or f'"{name}"' not in text for name in rare)


def test_of_too_few_nothing_is_learned(index: Index) -> None:
    few = Wanted(version=7, in_force_from="2026-02-01", sample=20, placeless=Placeless.NEVER)
    with pytest.raises(NotFound, match="the index shows 20 identities: weights are learned from 1000 and more"):
        train(index, few)  # type: ignore[arg-type]
