"""The mapping that ``dose map suggest`` prints is a rule file: what is in force, the proposals, and what is left."""

from tomllib import loads as read
from typing import Any

from domain.dose_suggestions import Suggestion, suggestions
from domain.rules import acts
from domain.rules.document import read_document
from domain.rules.place import Place
from krypton.cli.dose_findings import rule_file
from tests.unit.test_dose_acts import PA, shipped
from tests.unit.test_level_documents import built

FOUND = [
    Suggestion("DX", "Rachis lomb. profil 90kV", "rachis lomb profil", 12, "Lumbar spine lateral", 0.97),
    Suggestion("DX", 'Genou "G"', "genou g", 3, None, None),
]


def content(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "dose-acts", "version": 2, "in_force_from": "2026-03-01", "body": {"entries": list(entries)}}


def test_what_is_proposed_can_be_published_as_it_is_and_keeps_what_is_in_force() -> None:
    told = read_document(rule_file(content(PA | {"site": "CHB"}), FOUND))
    assert (told.kind, told.version) == ("dose-acts", 2)
    assert told.body.count('"act"') == 2
    assert '"site":"CHB"' in told.body
    assert '"protocols":["rachis lomb profil"]' in told.body


def test_each_proposal_says_why_and_what_is_left_is_a_remark() -> None:
    lines = rule_file(content(), FOUND).splitlines()
    assert '# Proposed, likeness 0.97: "Rachis lomb. profil 90kV" (DX), 12 exposures.' in lines
    assert '# No act is called alike, or several are: "Genou \\"G\\"" (DX), 3 exposures.' in lines


def test_protocols_that_differ_in_how_an_exposure_is_made_are_one_entry_that_can_be_published() -> None:
    """DX and CR are compared as one; two entries of the same words would be refused (G15)."""
    seen = {("DX", "Hanches 70kV"): 9, ("DX", "HANCHES 80kV"): 5, ("CR", "hanches"): 2, ("DX", "Hanche"): 1}
    mapping, texts = shipped(), (built(2011), built(2019))
    found = [one for one in suggestions(seen, mapping, texts) if one.act is not None]
    assert len(found) == 4
    text = rule_file(content(), found)
    acts.check(Place("body", read(text)["body"]))
    assert text.count("[[body.entries]]") == 2
    for protocol in ('"Hanches 70kV" (DX), 9 exposures', '"HANCHES 80kV" (DX), 5 exposures', '"hanches" (CR), 2 '):
        assert protocol in text.split("[[body.entries]]")[0]
