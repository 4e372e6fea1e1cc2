"""Every answer at 80 columns: no line is wider than its longest word needs, and every id can be copied whole."""

import re
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import pytest

from krypton.cli.audit import HISTORY
from krypton.cli.main import run
from krypton.cli.output import table
from krypton.cli.pairs import DIFFERS
from krypton.cli.views import COLUMNS as VIEWS
from tests.fakes.roles import roles_file

WIDTH = 80
AT = "2026-03-01T13:05:09.123456Z"
REF = "CHU-BDX|12345"
UIDS = [f"1.2.826.0.1.3680043.8.498.{number}" + "7" * 30 for number in range(3)]
IDS = [str(uuid5(UUID(int=0), str(number))) for number in range(8)]
LONG = "suspected pulmonary embolism three days after a long flight, no earlier examination"
MEMBERS = [
    {"identity": IDS[0], "assigner": "CHU-BDX", "local_id": "12345"},
    {"identity": IDS[1], "assigner": "CH-PAU", "local_id": "98765#2"},
]
WHO: dict[str, Any] = {
    "family": "TESTPATIENT-FICTIVE",
    "given": "Marie-Hélène",
    "used_name": None,
    "birth_date": "1980-01-02",
    "sex": "F",
}
PERSON = {
    "person": IDS[0],
    "members": MEMBERS,
    "patient": {
        **WHO,
        "identity": IDS[0],
        "status": "VALI",
        "ins": "255069999900134",
        "flags": ["homonym", "names_differ"],
        "also_stated": {"family": ["FICTIVE"]},
    },
}
ORDER = {
    "order": IDS[2],
    "identity": IDS[0],
    "state": "scheduled",
    "site": "CHU-BDX",
    "placer_number": "PL-2026-0001",
    "ordered_by": "10101201233",
    "modality": "CT",
    "act": "ZBQH001",
    "question": LONG,
    "urgency": "ROUTINE",
    "accession": "ACC-2026-000001",
    "wanted_by": AT,
    "presented_at": "CH-PAU",
    "scheduled_at": "CH-PAU",
    "scheduled_for": AT,
    "ae_title": "PAU_CT_1",
    "study_uid": UIDS[0],
    "report_uid": None,
    "cancel_reason": None,
    "placed_at": AT,
}
READING = {
    "reading": IDS[3],
    "state": "reported",
    "from_site": "CHU-BDX",
    "to_site": "CH-PAU",
    "requested_at": AT,
    "due": AT,
    "question": LONG,
    "read_by": "10101201233",
    "report_uid": UIDS[1],
    "conclusion": LONG,
    "decline_reason": None,
}
STUDY = {
    "study": IDS[4],
    "study_uid": UIDS[0],
    "identity": IDS[0],
    "site": "CHU-BDX",
    "date": "2026-03-01T14:05:09",
    "modalities": ["CT", "SR"],
    "description": "Thorax, abdomen and pelvis with contrast",
    "accession": "ACC-2026-000001",
    "series": 5,
    "instances": 1250,
    "reports": [{"report_uid": UIDS[1], "kind": "DOSE", "title": None, "unread": None}],
    "readings": [READING],
}
SHARED = {"study": IDS[4], "study_uid": UIDS[0], "link": IDS[7]}
QUANTITIES = {
    "ctdivol_mgy": 12.34,
    "dlp_mgycm": 456.7,
    "dap_mgycm2": None,
    "dose_rp_mgy": None,
    "agd_mgy": None,
    "activity_mbq": 0.0,
}
TOLD = {"person_then": IDS[1], "person_now": IDS[0], "since_then": ["merged", "split"]}
SINCE = ["then,", "now:", "merged", "parted"]
"""Of how that is told."""
ALERT = {
    "alert": IDS[5],
    "study": IDS[4],
    "study_uid": UIDS[0],
    "identity": IDS[0],
    "site": "CHU-BDX",
    "kind": "reference_level",
    "quantity": "dlp_mgycm",
    "value": 4567.8,
    "threshold": 900.0,
    "rule": "nrd-2019-thorax",
    "rule_version": 2019,
    "rule_kind": "skin",
    "window_days": 84,
    "studies": [IDS[4], IDS[3]],
    "state": "withdrawn",
    "withdrawn_at": AT,
    "why_withdrawn": "other_person",
    "raised_at": AT,
    "acknowledged_at": AT,
    "acknowledged_by": "rpps:10101201233",
    "note": "talked over with the physicist; the phantom was left in the beam",
    **TOLD,
}
EXPOSURE = {
    "started_at": "2026-03-01T14:05:09",
    "modality": "CT",
    "protocol": "Thorax low dose",
    **QUANTITIES,
    "irradiation_event_uid": UIDS[0],
    "pregnancy_disagrees": True,
    "effective_dose_estimate": {
        "effective_dose_msv": 6.39,
        "quantity": "dlp_mgycm",
        "factor": 0.014,
        "source": "Shrimpton et al., quoted in Lee et al., Med. Phys. 39 (2012) 2129, table XII",
        "rule_version": 1,
    },
    "act": "Chest",
    "act_state": "mapped",
    "act_between": [],
    "levels": [
        {
            "quantity": "dlp_mgycm",
            "value": 476.5,
            "at_exam": {"rule": "reference-levels@2011", "nrd": 475.0, "guide": None, "over": True},
            "now": None,
        }
    ],
    "not_compared": None,
    "report_uid": UIDS[1],
    "not_understood": ["CTDIw Phantom Type (113835, DCM)"],
    "implausible": ["dlp_mgycm"],
    "in_totals": False,
}
REPORT = {
    "reported_at": AT,
    "site": "CHU-BDX",
    "modality": "CT",
    "exposures": 3,
    "report_totals": {"dlp_mgycm": 456.7},
    "qa": False,
    "report_uid": UIDS[1],
    "superseded_by": None,
    "disagrees": [],
    "not_understood": [],
    "implausible": [],
    "accepted": False,
}
ITSELF: dict[str, Any] = {"person_then": IDS[0], "person_now": IDS[0], "since_then": []}
SIDES: list[dict[str, Any]] = [
    {
        **MEMBERS[0],
        "traits": WHO,
        "status": "VALI",
        "ins": None,
        "replaced": [],
        "flags": [],
        "records": 1,
        **ITSELF,
    },
    {
        **MEMBERS[1],
        "traits": {**WHO, "family": "TESTPATIENT", "sex": None},
        "status": "PROV",
        "ins": {"matricule": "279035121518989", "oid": "1.2.250.1.213.1.4.10"},
        "flags": ["HOMA"],
        "replaced": [{"matricule": "255069999900134", "oid": "1.2.250.1.213.1.4.10"}],
        "records": 2,
        **TOLD,
    },
]
PAIR = {
    "link": IDS[6],
    "kind": "duplicate",
    "code": "DPOT",
    "why": [],
    "worth": 0.95,
    "of": 2,
    "assigned_to": "clerk:front-desk",
    "postponed_until": AT,
    "waits_as": "proposed",
    "said": "review_requested",
    "identities": SIDES,
    "persons": [IDS[0], IDS[1]],
    "barred_by": [],
    "position": 12,
    "recorded_at": AT,
    "actor": "system:policy-match",
    "reason": LONG,
    "rule": "strict-traits",
    "rule_version": 1,
    "score": 0.95,
    "compared": ["family", "given", "birth_date", "sex", "birth_place"],
}
EVIDENCE = {
    "rule_version": 2,
    "weight": 5.25,
    "probability": 0.974,
    "prior": -12.0,
    "rare_names": 1.5,
    "traits": [
        {"trait": "birth", "words": "same birth date", "bits": 10.5},
        {"trait": "family", "words": "the family name of one is the used name of the other", "bits": 5.25},
    ],
}
ALONE = {
    **PAIR,
    "link": None,
    "kind": "collision",
    "code": "COLP",
    "waits_as": "flagged",
    "said": None,
    "persons": [IDS[1], None],
    "why": ["traits_differ"],
    "identities": SIDES[1:],
    "compared": None,
    "rule": None,
    "score": None,
    "rule_version": None,
}
EVENT = {
    "position": 123456,
    "recorded_at": AT,
    "type": "identity.traits_corrected",
    "actor": "clerk:front-desk",
    "reason": LONG,
    "rule": None,
    "rule_version": None,
    "identities": [IDS[0], IDS[1]],
}
VIEW = {
    "view": "cumulative_dose",
    "version": 12,
    "state": "building",
    "ours": True,
    "until": None,
    "position": 12345678,
    "lag": 1234,
    "dead_letters": 0,
    "rows": 123456789,
    "rules": {"dose-alerts": 2, "reference-levels": 2019},
}
DOSE = {
    **PERSON,
    "totals": QUANTITIES,
    "since": None,
    "until": None,
    "undated": 0,
    "sums": {},
    "estimates": {"rule_version": 1, "effective_dose_msv": 6.39, "exposures": 1, "without": 0},
    "skin": [],
    "exposures": [EXPOSURE],
    "stated_alone": [{"study_uid": UIDS[0], "quantity": "dlp_mgycm", "value": 1.0, "report_uid": UIDS[1]}],
    "reports": [REPORT],
    "unread": [],
    "conflicts": [
        {"irradiation_event_uid": UIDS[2], "study_uids": UIDS[:2], "report_uids": UIDS[1:], "differing": ["dlp_mgycm"]}
    ],
    "alerts": [ALERT],
    "qa_exposures": 0,
}
LAPSED = {
    "access": IDS[2],
    "rpps": "10101201233",
    "site": "CHU-BDX",
    "opened_at": AT,
    "lapsed_at": AT,
    "reason": LONG,
    "reviewed_at": AT,
    "reviewed_by": "auditor:dpo",
    "review_note": LONG,
    **TOLD,
}
LISTED = {"patient": WHO, "identity": IDS[0], "seen": "whole"}
UNNAMED = {"patient": None, "identity": IDS[0], "seen": "unnamed"}
ANSWERS: dict[str, tuple[str, Any, list[str]]] = {
    f"record show {REF}": (
        "record.record_of",
        {**PERSON, "studies": [STUDY], "orders": [ORDER], "withdrawn": 1, "to_review": [SHARED]},
        [*IDS[:5], UIDS[0], IDS[7]],
    ),
    f"dose show {REF}": ("dose.dose_of", DOSE, [IDS[0], IDS[5], *UIDS]),
    "dose alerts": ("dose.alerts_of", [ALERT, ALERT], [IDS[5], IDS[0], IDS[1], *SINCE]),
    f"access review list --access {IDS[2]}": ("access.emergencies_to_review", [LAPSED], [*IDS[:3], *SINCE]),
    "identity review list": (
        "identity_review.pairs_to_review",
        [PAIR, ALONE],
        [IDS[0], IDS[1], IDS[6], DIFFERS, "(COLP)", *SINCE],
    ),
    f"identity review show {IDS[0]} {IDS[1]}": (
        "identity_review.pair_to_review",
        {**PAIR, "evidence": EVIDENCE},
        [IDS[0], IDS[1], DIFFERS, "birth", "+10.5", "-12.0", "+1.5"],
    ),
    f"identity review show {IDS[0]}": (
        "identity_review.pair_to_review",
        {**PAIR, "persons": [IDS[0], IDS[0]], "code": "DOUA", "waits_as": None, "said": "merged", "evidence": None},
        [IDS[0], IDS[1], "(DOUA)"],
    ),
    "identity search --family FICTIVE": (
        "identity_search.people_found",
        [{**SIDES[0], "person": IDS[0]}, {**SIDES[1], "person": IDS[0]}],
        [IDS[0], IDS[1], WHO["family"], "HOMA"],
    ),
    f"identity history {REF}": ("identity.history_of", [EVENT, EVENT], ["identity.traits_corrected"]),
    f"order show {IDS[2]}": ("order.order_of", ORDER, [IDS[0], UIDS[0]]),
    "order list": ("order.orders_of", [{**LISTED, **ORDER}, {**ORDER, **UNNAMED}], [IDS[2], WHO["family"], IDS[0]]),
    "reading list": (
        "reading.readings_of",
        [{**LISTED, **READING, "study": IDS[4], "modalities": ["CT"], "date": "2026-03-01"}],
        [IDS[3], IDS[4]],
    ),
}
CONFLICT = {
    "patient": WHO,
    "conflict": IDS[5],
    "study": IDS[4],
    "study_uid": UIDS[0],
    "identity": IDS[0],
    "kind": "patient",
    "differing": ["PatientID", "PatientName"],
    "instances": 1,
    "uid": UIDS[1],
    "other_identity": IDS[1],
    "other_study_uid": UIDS[0],
    "site": "CHU-BDX",
    "digest": "0" * 64,
    "found_at": AT,
    "found_by": "aet:BDX_PACS",
    "state": "open",
    "settled_by": None,
    "position": 12,
    "sent_as": {"local_id": "98765", **WHO},
}
ANSWERS["study conflicts list"] = (
    "study.conflicts_of",
    [CONFLICT, {**CONFLICT, "sent_as": None}],
    [IDS[1], IDS[4], IDS[5], UIDS[1]],
)
ROLES = ("rpps:10101201233", "clerk:essai", "auditor:essai")


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """What a command prints whose query answers with a document; no ledger runs."""
    monkeypatch.setenv("KRYPTON_ROLES", str(roles_file(tmp_path / "roles", *ROLES)))
    monkeypatch.setenv("KRYPTON_REASON", "essai")
    monkeypatch.setenv("COLUMNS", str(WIDTH))

    def show(words: str, query: str, answer: Any) -> str:
        module = import_module(f"krypton.cli.{query.partition('.')[0]}")
        monkeypatch.setattr(module, query.partition(".")[2], lambda *_, **__: answer)
        monkeypatch.setattr(module, "krypton", lambda: None)
        with suppress(AttributeError):  # two identities are looked up first
            monkeypatch.setattr(module, "sides", lambda *_: IDS[:2])
            monkeypatch.setattr(module, "asker", lambda *_: None)
        with suppress(AttributeError):  # an order's identity is asked of a view first
            monkeypatch.setattr(module, "placed_for", lambda *_: REF)
        assert run(words.split()) == 0, capsys.readouterr().err
        return capsys.readouterr().out

    return show


@pytest.mark.parametrize("words", sorted(ANSWERS))
def test_an_answer_fits_80_columns_and_its_ids_are_whole(shown: Callable[..., str], words: str) -> None:
    query, answer, wanted = ANSWERS[words]
    said = shown(words, query, answer)
    too_long = [line for line in said.splitlines() if len(line) > WIDTH and len(line.split()[-1]) < 40]
    assert too_long == []
    assert [one for one in wanted if one not in said.split()] == []
    assert not re.search(r"[│┃━─\x1b]", said)
    assert "None" not in said


@pytest.mark.parametrize(
    ("names", "rows"), [(VIEWS, [VIEW, VIEW]), (HISTORY, [EVENT | {"of": ["14932e0c"], "before": "a|b", "after": "a"}])]
)
def test_tables_of_many_columns_fit(
    names: tuple[str, ...], rows: list[Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(WIDTH))
    table(rows, names)
    assert max(map(len, capsys.readouterr().out.splitlines())) <= WIDTH


def test_the_totals_name_each_breast_and_notes_and_conflicts_are_in_the_tables(shown: Callable[..., str]) -> None:
    """Not in the JSON document alone."""
    breasts = {"agd_mgy": 2.58, "agd_left_mgy": 1.3, "agd_right_mgy": 1.28}
    said = shown(f"dose show {REF}", "dose.dose_of", {**DOSE, "totals": {**QUANTITIES, **breasts}})
    lines = [line.split() for line in said.splitlines()]
    assert ["AGD", "left", "mGy", "1.3"] in lines
    assert ["AGD", "right", "mGy", "1.28"] in lines
    told = " ".join(said.split())
    for note in ("CTDIw Phantom Type (113835, DCM)", "implausible, in no total until it is accepted"):
        assert note in told
    assert "Conflicts: several studies claim these" in told


def test_what_a_report_stands_for_is_in_the_lines_too(shown: Callable[..., str]) -> None:
    """Which report supersedes which, and which disagree and in what: not in the JSON document alone."""
    reports = [
        {**REPORT, "report_uid": UIDS[0], "superseded_by": UIDS[1]},
        {**REPORT, "report_uid": UIDS[1], "disagrees": ["dlp_mgycm"]},
        {**REPORT, "report_uid": UIDS[2], "disagrees": ["dlp_mgycm"]},
    ]
    said = shown(f"dose show {REF}", "dose.dose_of", {**DOSE, "reports": reports})
    lines = [line.split() for line in said.splitlines()]
    assert ["superseded", "by", UIDS[1]] in lines
    assert lines.count(["disagrees", "DLP", "mGy·cm"]) == 2
    assert ["Reports", "(3,", "1", "of", "them", "superseded)"] in lines


def test_a_patient_is_told_of_a_pair_that_waits_without_its_link(shown: Callable[..., str]) -> None:
    answer = {**PERSON, "studies": [STUDY], "orders": [], "withdrawn": 0, "to_review": [{**SHARED, "link": None}]}
    said = shown(f"record show {REF}", "record.record_of", answer).splitlines()
    assert "krypton identity review list" in said


def test_a_pair_is_shown_side_by_side_and_only_what_both_state_differently_is_marked(
    shown: Callable[..., str],
) -> None:
    said = shown("identity review list", "identity_review.pairs_to_review", [PAIR]).splitlines()
    (family,) = [line for line in said if line.startswith("family")]
    assert family.split() == ["family", "TESTPATIENT-FICTIVE", DIFFERS, "TESTPATIENT"]
    (sex,) = [line for line in said if line.startswith("sex")]
    assert DIFFERS not in sex
    assert sum(DIFFERS in line for line in said) == 2  # the status too
