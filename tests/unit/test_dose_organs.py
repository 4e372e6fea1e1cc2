"""Doses of organs tell the sex, or of a pregnancy: they are sealed, whatever version of the event had them."""

import json
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

import schemas.codec
from domain.aggregates.dose import Dose
from domain.dose_words import words_of
from krypton.queries.reports import problems as problems_shown
from krypton.services.dose_reread import differing, on_record, whole
from projections.cumulative_dose import problems
from projections.cumulative_dose.shown import with_organs
from projections.cumulative_dose.view import CumulativeDose
from projections.patient_record import unsettled
from schemas.bulk import BulkCodec
from schemas.codec import Codec
from schemas.event import LedgerEvent, Record
from schemas.registry import Registry, registry
from tests.fakes.ids import IDS
from tests.fakes.region import Region, dose, exposure, received
from tests.fakes.views import folded
from tests.samples import FOLDER, VERSION, FixedVault

OVARY = "SCT:15497006"
DOSES = [{"organ": OVARY, "mgy": 4.0}]
TOTAL = f"organ_mgy:{OVARY}"
TOTALS: dict[str, Any] = {TOTAL: 4.5, "dlp_mgycm": 3.0}
SHOT, OTHER = (exposure(f"1.8.{number}", source="report") for number in (1, 2))
CAME = dose("1.9.1", SHOT | {"organ_doses": DOSES}, OTHER, **TOTALS)
OF_BEFORE = Registry([schema for schema in registry() if schema.name != "dose.reported.v4"])


class Told:
    """A region where a report told of organs, in this program's event and in one as the program before wrote it."""

    def __init__(self) -> None:
        self.region = Region()
        self.study = UUID(self.region.ask(received(study_uid="1.2.1", doses=(CAME,))).result["study"])
        self.codec = Codec(registry(), self.region.memory_vault)
        self.now = self.region.history()[-1]
        self.raw = list(self.region.recorder.select_notifications(0, 1_000))[-1].state

    @property
    def owner(self) -> str:
        owner: str = self.now.data["identity_id"]
        return owner

    def of_before(self) -> bytes:
        """What version 3 had: organs in clear, and none among the words."""
        data: dict[str, Any] = json.loads(json.dumps(self.now.data))
        data["exposures"][0]["organ_doses"], data["totals"][TOTAL] = DOSES, 4.5
        del data["words"]["exposures"][0]["organ_doses"], data["words"]["organ_totals"]
        before = Codec(OF_BEFORE, self.region.memory_vault)
        return before.encode("dose.reported", data, aggregate_id=self.now.aggregate_id, version=self.now.version)

    def read(self, raw: bytes) -> LedgerEvent:
        _, data = self.codec.decode(raw, self.now.version)
        return self.now._replace(data=data)

    def rows(self, raw: bytes) -> dict[str, Any]:
        """Report and exposures of the view."""
        made = folded(CumulativeDose(), [self.read(raw)])
        return {name: dict(made.table(name)) for name in ("report", "exposure")}


def test_an_organ_stands_nowhere_in_clear() -> None:
    told = Told()
    assert told.codec.schema_of(told.raw).name == "dose.reported.v4"
    assert (b"15497006" in told.raw, told.now.data["totals"]) == (False, {"dlp_mgycm": 3.0})
    assert [one["organ_doses"] for one in told.now.data["exposures"]] == [[], []]


def test_where_no_dose_of_an_organ_is_stated_the_words_say_nothing_of_it() -> None:
    words = Told().now.data["words"]
    assert ["organ_doses" in said for said in words["exposures"]] == [True, False]


def test_what_the_version_before_wrote_gives_the_same_rows() -> None:
    told = Told()
    before = told.of_before()
    assert (told.codec.schema_of(before).name, b"15497006" in before) == ("dose.reported.v3", True)
    rows = told.rows(told.raw)
    assert told.rows(before) == rows
    (report,) = rows["report"].values()
    assert (report["totals"], report["organ_totals"]) == ({"dlp_mgycm": 3.0}, {TOTAL: 4.5})
    assert [row["organ_doses"] for row in rows["exposure"].values()] == [DOSES, None]


@pytest.mark.parametrize("version", ["now", "before"])
def test_after_an_erasure_no_row_and_no_reader_has_an_organ(version: str) -> None:
    """A rebuild has none; and rows that a worker made while there was a key are shown without."""
    told = Told()
    raw = told.raw if version == "now" else told.of_before()
    (kept,) = told.rows(raw)["report"].values()
    told.region.memory_vault.destroy(told.owner)
    rows = told.rows(raw)
    (report,) = rows["report"].values()
    assert (report["totals"], report["organ_totals"]) == ({"dlp_mgycm": 3.0}, None)
    assert [row["organ_doses"] for row in rows["exposure"].values()] == [None, None]
    shown = [with_organs({**kept, "identity": told.owner}, erased)["totals"] for erased in ((), (told.owner,))]
    assert shown == [{"dlp_mgycm": 3.0, TOTAL: 4.5}, {"dlp_mgycm": 3.0}]


@pytest.mark.parametrize("version", ["now", "before"])
def test_the_dose_knows_the_totals_of_organs_when_it_is_loaded(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    """Two reports that state other doses of an organ do not repeat each other."""
    if version == "before":
        monkeypatch.setattr("domain.aggregates.dose.parted_totals", lambda totals: (totals, {}))
    told = Told()
    assert (TOTAL in told.now.data["totals"]) == (version == "before")
    held = told.region.find(Dose, Dose.create_id(IDS, told.study))
    assert held is not None
    assert held.reports.held["1.9.1"].totals == {TOTAL: 4.5, "dlp_mgycm": 3.0}


def test_a_report_that_is_read_again_alike_is_no_other_reading() -> None:
    told = Told()
    ours: Any = SimpleNamespace(ledger=told.region, codec=told.codec)
    before = on_record(ours, told.now.position)
    assert differing(before, whole(CAME)) == []
    other = dose("1.9.1", SHOT, OTHER, **TOTALS | {TOTAL: 4.6})
    assert differing(before, whole(other)) == ["totals", "organ_doses of 1 exposures"]


def test_rebuilds_read_the_version_before_as_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its bytes are laid out alike: the compiled reader reads them, and fastavro is not asked."""
    raw = (FOLDER / "dose.reported.v3.bin").read_bytes()
    record = Record("krypton.doses", 0, 0, b"key", raw, (("position", b"9"), ("version", str(VERSION).encode())))
    plain = Codec(registry(), FixedVault()).read(record)
    monkeypatch.setattr(schemas.codec, "schemaless_reader", None)
    assert BulkCodec(registry(), FixedVault()).read_batch([record]) == [plain]


def test_words_of_an_erased_person_tell_no_organ() -> None:
    (said,) = words_of({"words": "[erased]", "exposures": [{"organ_doses": DOSES}]})["exposures"]
    assert said["organ_doses"] is None


def test_notes_of_before_are_shown_without_the_organ_that_they_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """To operators, who see no person."""
    several = "stated several times, the first was kept"
    odd = f"{TOTAL}: unit 'mSv' not understood: Gy or its multiples expected"
    row = {"report_uid": "1.9.1", "subject": "i1", "position": 2, "not_understood": [f"{TOTAL}: {several}", "as it is"]}
    unread = {"report_uid": "1.9.2", "subject": "i1", "position": 1, "unread": f"{odd}; {odd}"}
    monkeypatch.setattr(problems, "noted", lambda *_, every: [row])
    monkeypatch.setattr(unsettled, "unread_doses", lambda *_: [unread])
    ours: Any = SimpleNamespace(snapshot=nullcontext, vault=SimpleNamespace(destroyed=lambda _: set()))
    first, other = problems_shown(ours, 10)
    assert first["not_understood"] == [f"organ dose: {several}", "as it is"]
    assert other["unread"] == "; ".join(2 * ["organ dose: unit 'mSv' not understood: Gy or its multiples expected"])


def test_a_note_of_before_and_one_of_now_are_alike() -> None:
    """A report is not read again for the words of its note alone."""
    note = "stated several times, the first was kept"
    told = Told()
    before = replace(CAME, report_uid="1.9.2", not_understood=[f"{TOTAL}: {note}"])
    told.region.ask(received(study_uid="1.2.2", doses=(before,)))
    at = next(e.position for e in reversed(told.region.history()) if e.type == "dose.reported")
    ours: Any = SimpleNamespace(ledger=told.region, codec=told.codec)
    assert differing(on_record(ours, at), whole(replace(CAME, not_understood=[f"organ dose: {note}"]))) == []
