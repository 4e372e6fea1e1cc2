"""Which act an exposure is of, by a published mapping: the most specific entry, and never the nearest name."""

import json
from pathlib import Path
from typing import Any

import pytest

from domain.commands.rules import PublishRules
from domain.dose_acts import AMBIGUOUS, MAPPED, OF_NO_ACT, UNMAPPED, DoseActs, Marks, act_of, marks
from domain.dose_words import SIDES_ADDED
from domain.rules.document import document, parse, read_document
from tests.fakes.region import Region

SHIPPED = Path(__file__).parents[2] / "rules" / "dose-acts-1.toml"
PA: dict[str, Any] = {"act": "Chest PA", "modalities": ["DX"], "protocols": ["thorax pa"]}
LATERAL: dict[str, Any] = {"act": "Chest lateral", "modalities": ["DX"], "protocols": ["thorax lat"]}


def mapping(*entries: dict[str, Any]) -> DoseActs:
    found = parse("dose-acts", 1, {"entries": list(entries)})
    assert isinstance(found, DoseActs)
    return found


def shipped() -> DoseActs:
    return mapping(*json.loads(read_document(SHIPPED.read_text()).body)["entries"])


def act(found: DoseActs, modality: str = "DX", site: str = "CHB", **words: Any) -> str | None:
    return act_of({"modality": modality, "site": site}, words, found)


@pytest.mark.parametrize("name", ["THORAX PA", "Thorax_PA 90kV", "pa thorax debout", "Thòrax-PA"])
def test_a_protocol_is_known_by_whole_words_in_any_order_and_case(name: str) -> None:
    assert act(mapping(PA), protocol=name) == "Chest PA"


@pytest.mark.parametrize("name", ["thorax", "thorax pas", "thoraxpa", "PA", None, ""])
def test_a_word_less_or_another_is_another_name(name: str | None) -> None:
    assert act(mapping(PA), protocol=name) is None


def test_computed_radiography_is_radiography_and_fluoroscopy_is_not() -> None:
    assert [act(mapping(PA), modality, protocol="thorax pa") for modality in ("DX", "CR", "RF", "CT")] == [
        "Chest PA",
        "Chest PA",
        None,
        None,
    ]


@pytest.mark.parametrize(
    ("condition", "words", "others"),
    [
        ({"procedures": ["RADLEX:RPID2"]}, {"procedure_code": "RADLEX:RPID2"}, {"procedure_code": "LOCAL:RPID2"}),
        ({"procedures": ["ZBQK002"]}, {"procedure": {"code": "CCAM:ZBQK002"}}, {"procedure": {"code": "CCAM:ZBQK00"}}),
        ({"regions": ["T-D3000"]}, {"target_region_code": "SRT:T-D3000"}, {"target_region_code": "SRT:T-D300"}),
        ({"regions": ["Chest"]}, {"target_region": "CHEST"}, {"target_region": "Chest, Abdomen and Pelvis"}),
        ({"acquisitions": ["Spiral acquisition"]}, {"acquisition": "Spiral Acquisition"}, {"acquisition": "Spiral"}),
        ({"radiopharmaceuticals": ["fdg"]}, {"radiopharmaceutical": "18F FDG"}, {"radiopharmaceutical": "18F-FDGal"}),
    ],
)
def test_each_condition_has_to_hold(condition: dict[str, Any], words: dict[str, Any], others: dict[str, Any]) -> None:
    found = mapping({"act": "Chest PA", **condition})
    assert [act(found, **said) for said in (words, others, {})] == ["Chest PA", None, None]


def test_all_that_an_entry_states_has_to_hold() -> None:
    found = mapping({**PA, "regions": ["Chest"], "site": "CHB"})
    told = {"protocol": "thorax pa", "target_region": "Chest"}
    assert act(found, **told) == "Chest PA"
    assert act(found, protocol="thorax pa") is None
    assert act(found, site="CHP", **told) is None


def test_the_most_specific_entry_decides() -> None:
    """One more word of the name, or one more condition; and the order in the file says nothing."""
    chest, whole = ({"act": name, "protocols": [words]} for name, words in (("Chest", "thorax"), ("CAP", "thorax cap")))
    ours = {"act": "Chest PA", "protocols": ["thorax"], "site": "CHB"}
    for entries in ([chest, whole, ours], [ours, whole, chest]):
        found = mapping(*entries)
        assert act(found, site="CHP", protocol="Thorax") == "Chest"
        assert act(found, site="CHP", protocol="Thorax CAP") == "CAP"
        assert act(found, protocol="Thorax") == "Chest PA"


def test_what_two_entries_claim_alike_is_ambiguous_and_of_no_act() -> None:
    judged = mapping(PA, LATERAL).judge(marks({"modality": "DX"}, {"protocol": "Thorax PA + LAT"}))
    assert judged == (AMBIGUOUS, None, ("Chest PA", "Chest lateral"))


def test_an_entry_of_another_kind_of_condition_is_not_more_specific() -> None:
    found = mapping({"act": "Chest", "protocols": ["thorax"]}, {"act": "CAP", "regions": ["Entire body"]})
    judged = found.judge(marks({}, {"protocol": "Thorax", "target_region": "Entire body"}))
    assert (judged.state, judged.act) == (AMBIGUOUS, None)


def test_two_entries_of_one_act_are_not_ambiguous() -> None:
    found = mapping({"act": "Chest", "protocols": ["thorax"]}, {"act": "Chest", "regions": ["Chest"]})
    assert act(found, protocol="thorax", target_region="Chest") == "Chest"


def test_what_is_of_no_act_is_told_from_what_nobody_mapped() -> None:
    found = mapping(PA, {"act": "none", "protocols": ["scout"]})
    judged = [found.judge(marks({"modality": "DX"}, {"protocol": name})).state for name in ("Scout", "x", "thorax pa")]
    assert judged == [OF_NO_ACT, UNMAPPED, MAPPED]


def test_without_a_mapping_nothing_is_of_an_act() -> None:
    assert act(DoseActs(), protocol="thorax pa") is None


def test_an_exposure_whose_words_are_gone_is_of_no_act() -> None:
    """After an erasure nobody can say what it was."""
    gone: dict[str, Any] = dict.fromkeys(("protocol", "procedure", "procedure_code", "target_region"))
    assert act(mapping(PA), **gone) is None


HELIX = {"acquisition": "Spiral Acquisition", "acquisition_code": "SRT:P5-08001"}
LOCALISER = {"acquisition": "Constant Angle Acquisition", "acquisition_code": "DCM:113805"}


@pytest.mark.parametrize(
    ("modality", "words", "expected"),
    [
        ("DX", {"protocol": "THORAX AP 90kv-0,9mAs"}, "Chest AP"),
        ("DX", {"protocol": "Thorax face"}, None),
        ("DX", {"protocol": "Rachis lombaire de profil"}, "Lumbar spine lateral"),
        ("CT", {"protocol": "TAP", **HELIX}, "Chest-abdomen-pelvis"),
        ("CT", {"protocol": "TAP", **LOCALISER}, None),
        ("CT", {"protocol": "Thorax Abdomen Pelvis", **HELIX}, "Chest-abdomen-pelvis"),
        ("CT", {"protocol": "Thorax Abdomen", **HELIX}, None),
        ("CT", {"protocol": "100sec Neck & Chest +C (vHP)", **HELIX}, None),
        ("CT", {"protocol": "10.13 RADIOTHERAPY QA", **HELIX}, None),
        ("PT", {"radiopharmaceutical": "Fluorodeoxyglucose F^18^"}, "PET (18F-FDG)"),
        ("NM", {"radiopharmaceutical": "99mTc DTPA"}, None),
    ],
)
def test_the_file_that_ships_maps_common_names_and_leaves_open_ones(
    modality: str, words: dict[str, Any], expected: str | None
) -> None:
    """DRL cases 4, 5 and 7: what is compared is a helix; the mapping decides whether a projection is AP or PA."""
    assert act(shipped(), modality, **words) == expected


def test_the_mapping_published_last_holds_from_its_day_on() -> None:
    region = Region()
    today = region.clock().date()
    assert region.rules().acts(today) == DoseActs()
    for version, day, entry in ((1, "2020-01-01", PA), (2, "2999-01-01", LATERAL)):
        raw = {"kind": "dose-acts", "version": version, "in_force_from": day, "body": {"entries": [entry]}}
        region.ask(PublishRules(document=document(raw)))
    assert act(region.rules().acts(today), protocol="thorax pa") == "Chest PA"


@pytest.mark.parametrize(("notes", "more"), [(None, []), (["dap: value is negative"], []), ([SIDES_ADDED], [True])])
def test_marks_that_a_view_keeps_say_of_a_sum_of_both_sides_that_it_is_one(
    notes: list[str] | None, more: list[Any]
) -> None:
    """Those of all others stay as they were, so that a view's rows do."""
    told = marks({"site": "CHB", "modality": "MG"}, {"protocol": "CC", "not_understood": notes})
    assert told.of_device() == ["MG", "CC", (), None, None, None, None, None, *more]
    assert Marks("CHB", *told.of_device()) == told
    assert shipped().judge(told).state == (OF_NO_ACT if more else UNMAPPED)
