"""Sums over any history: reports in any order and repeated, images, devices that state totals alone, merges, splits,
what takes them back, reassigned studies.

What readers see is compared with a few lines that read the events alone and know nothing of views or of supersession.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import combinations
from math import fsum, isclose
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.commands.doses import ReceivedDose
from domain.commands.links import Merge, Unmerge
from domain.commands.splits import Split, UndoSplit
from domain.commands.studies import ReassignStudy
from domain.errors import RuleBroken
from tests.fakes.region import Region, dose, exposure
from tests.fakes.views import Sides
from tests.features.worlds.memory import MemoryViews

PEOPLE = ("1", "2", "3")
STUDIES = ("2.25.1", "2.25.2")
EVENTS = st.lists(st.integers(1, 5), min_size=1, max_size=4, unique=True)
REPORTS = st.tuples(
    st.just("report"), st.sampled_from(PEOPLE), st.sampled_from(STUDIES), EVENTS, st.sampled_from(["report", "image"])
)
PAIRS = st.tuples(st.sampled_from(["merge", "unmerge"]), st.sampled_from([*combinations(range(3), 2)]))
MOVES = st.tuples(st.just("move"), st.integers(0, 5), st.integers(0, 4))
SPLITS = st.tuples(st.just("split"), st.integers(0, 2), st.integers(0, 5)) | st.tuples(
    st.just("undo"), st.integers(0, 3)
)
TOTALS = st.tuples(
    *(st.just("total"), st.sampled_from(PEOPLE), st.sampled_from(STUDIES), st.sampled_from(["7", "8"])),
    st.integers(1, 9),
)
HISTORIES = st.lists(st.one_of(REPORTS, REPORTS, TOTALS, PAIRS, MOVES, SPLITS), max_size=14)


def value(event: str) -> float:
    """What an irradiation event gave, whoever tells of it: 0.1 mGy·cm² for the first, and so on."""
    return int(event.removeprefix("2.25.9")) / 10


def told(number: int, events: Sequence[int], source: str) -> ReceivedDose:
    shots = [exposure(f"2.25.9{n}", dap_mgycm2=n / 10) | {"kind": "PROJECTION", "modality": "XA"} for n in events]
    return replace(dose(f"2.25.8{number}", *shots), source=source)


class Lived:
    """A region after a history; refusals are part of it."""

    def __init__(self, history: Sequence[tuple[Any, ...]]) -> None:
        self.region = Region()
        self.people = [self.region.register(local_id=one) for one in PEOPLE]
        self.pairs: set[tuple[int, int]] = set()
        for number, (what, *said) in enumerate(history):
            getattr(self, what)(number, *said)

    def report(self, number: int, of: str, study: str, events: Sequence[int], source: str) -> None:
        self.region.receive(study_uid=study, local_id=of, doses=(told(number, events, source),), root=f"{number:064}")

    def total(self, number: int, of: str, study: str, serial: str, stated: int) -> None:
        """A device that names no exposure: of a model of its own, so that nobody takes it for another one."""
        told = dose(f"2.25.8{number}", dap_mgycm2=stated / 10)
        told = replace(told, device=told.device | {"model": f"Arm {serial}", "serial": serial}, modality="XA")
        self.region.receive(study_uid=study, local_id=of, doses=(told,), root=f"{number:064}")

    def split(self, _: int, of: int, which: int) -> None:
        """A study of a person goes to somebody new under the same number."""
        theirs = [UUID(study) for study, owner in self._owners().items() if owner == str(self.people[of])]
        if theirs:
            asked = Split(identity=self.people[of], studies=(theirs[which % len(theirs)],), reason="two people")
            with suppress(RuleBroken):  # nothing is left to one of the two, say
                self.people.append(UUID(self.region.ask(asked).result["other"]))

    def undo(self, _: int, which: int) -> None:
        if len(self.people) > len(PEOPLE):
            other = self.people[len(PEOPLE) :][which % (len(self.people) - len(PEOPLE))]
            with suppress(RuleBroken):  # it was taken back already
                self.region.ask(UndoSplit(identity=other, reason="one after all"))

    def _owners(self) -> dict[str, str]:
        """Whose each study is, by the events alone."""
        owner: dict[str, str] = {}
        for event in self.region.history():
            if event.type in ("study.arrived", "study.reassigned"):
                owner[event.aggregate_id] = event.data.get("to_identity_id") or event.data["identity_id"]
        return owner

    def merge(self, _: int, pair: tuple[int, int]) -> None:
        if pair not in self.pairs:
            self.region.ask(Merge(**self._sides(pair), reason="one"))
        self.pairs.add(pair)

    def unmerge(self, _: int, pair: tuple[int, int]) -> None:
        if pair in self.pairs:
            self.region.ask(Unmerge(**self._sides(pair), reason="two"))
        self.pairs.discard(pair)

    def _sides(self, pair: tuple[int, int]) -> Sides:
        return {"one": self.people[pair[0]], "other": self.people[pair[1]]}

    def move(self, _: int, which: int, to: int) -> None:
        arrived = [event.aggregate_id for event in self.region.history() if event.type == "study.arrived"]
        if arrived:
            study = UUID(arrived[which % len(arrived)])
            with suppress(RuleBroken):  # it is theirs already
                self.region.ask(ReassignStudy(study=study, to_identity=self.people[to % len(self.people)], reason="no"))

    def expected(self, person: set[str]) -> float | None:
        """Of the events alone: each irradiation event once, an image's only in a study without a report; beside them
        the greatest total of each device of a study that states totals alone. Two hospitals' or identities' studies of
        one UID are one study of the person.
        """
        owner, uids = dict[str, str](), dict[str, str]()
        reported: dict[str, list[tuple[str, set[str]]]] = {}
        stated: dict[tuple[str, str], float] = {}
        for event in self.region.history():
            if event.type in ("dose.opened", "dose.reassigned"):
                owner[event.data["study_id"]] = event.data.get("to_identity_id") or event.data["identity_id"]
            if event.type == "dose.opened":
                uids[event.data["study_id"]] = event.data["study_uid"]
            if event.type == "dose.reported" and not event.data["exposures"]:
                place = (event.data["study_id"], event.data["words"]["device"]["serial"])
                stated[place] = max(stated.get(place, 0.0), event.data["totals"]["dap_mgycm2"])
            elif event.type == "dose.reported":
                events = {one["irradiation_event_uid"] for one in event.data["exposures"]}
                reported.setdefault(event.data["study_id"], []).append((event.data["source"], events))
        of_uid: dict[str, list[tuple[str, set[str]]]] = {}
        for study, reports in reported.items():
            if owner[study] in person:
                of_uid.setdefault(uids[study], []).extend(reports)
        counted: set[str] = set()
        for reports in of_uid.values():
            best = "report" if any(source == "report" for source, _ in reports) else "image"
            counted |= set().union(*(events for source, events in reports if source == best))
        alone: dict[tuple[str, str], float] = {}
        for (study, serial), most in stated.items():
            if owner[study] in person:
                alone[uids[study], serial] = max(alone.get((uids[study], serial), 0.0), most)
        return fsum([*map(value, counted), *alone.values()]) if counted or alone else None

    def person(self, of: int) -> set[str]:
        """Who is held one with somebody, by the pairs that are merged now."""
        found, before = {of}, set[int]()
        while found != before:
            before = set(found)
            found |= {other for pair in self.pairs if found & {*pair} for other in pair}
        return {str(self.people[one]) for one in found}


@settings(max_examples=150, deadline=None)
@given(HISTORIES)
def test_each_person_has_the_sum_of_their_irradiation_events(history: Sequence[tuple[Any, ...]]) -> None:
    lived = Lived(history)
    for number in range(len(lived.people)):
        shown = MemoryViews(lived.region).dose(lived.people[number])["totals"]["dap_mgycm2"]
        expected = lived.expected(lived.person(number))
        assert (shown is None) == (expected is None)
        assert expected is None or isclose(shown, expected, rel_tol=1e-11)


@pytest.mark.parametrize("turn", ["merged", "taken back"])
def test_one_event_under_two_patients_is_each_ones_and_counts_once_while_they_are_one(turn: str) -> None:
    history: list[tuple[Any, ...]] = [("report", one, "2.25.1", [3], "report") for one in ("1", "2")]
    history += [("merge", (0, 1))] + ([("unmerge", (0, 1))] if turn == "taken back" else [])
    lived = Lived(history)
    shown = [MemoryViews(lived.region).dose(one)["totals"]["dap_mgycm2"] for one in lived.people[:2]]
    assert shown == [0.3, 0.3]
