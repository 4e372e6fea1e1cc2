"""Which exports lose what they opened when somebody is erased: those that name them, where they were written."""

import json
from collections.abc import Collection
from pathlib import Path

import pytest

from krypton.addresses import Addresses
from krypton.bootstrap import Krypton
from krypton.erasing import exports
from krypton.settings import Settings
from tests.fakes.erasing import Erase
from tests.fakes.region import Region

ONE, OTHER = "00000000-0000-8000-8000-000000000001", "00000000-0000-8000-8000-000000000002"


@pytest.fixture
def ours(tmp_path: Path) -> Krypton:
    found = Krypton(Settings(tmp_path / "home"), Addresses("nowhere:1", "postgresql://nowhere"))
    vars(found).update(ledger=Region())
    return found


def export(ours: Krypton, folder: Path, person: str, named: Collection[str] = ()) -> Path:
    """What an auditor gets; returns where it is noted. ``named``: whom it names besides."""
    noted = exports.note(ours.settings.home, folder, {person, *named}, "auditor:dpo", 1)
    folder.mkdir()
    (folder / exports.UNSEALED).write_text("FICTIVE")
    manifest = {"identities": [person], "unsealed": True, "files": {exports.UNSEALED: "ab", "stored/1.bin": "cd"}}
    (folder / exports.MANIFEST).write_text(json.dumps(manifest))
    return noted


def opened(folder: Path) -> bool:
    """Whether it still says what was sealed, by its files and by its manifest."""
    told = json.loads((folder / exports.MANIFEST).read_text())
    there = (folder / exports.UNSEALED).exists()
    assert (told["unsealed"], exports.UNSEALED in told["files"]) == (there, there)
    return there


def test_exports_of_others_stay(ours: Krypton, tmp_path: Path) -> None:
    for person, name in ((ONE, "one"), (OTHER, "other")):
        export(ours, tmp_path / name, person)
    exports.deleted(ours, {ONE: 1})
    assert (opened(tmp_path / "one"), opened(tmp_path / "other")) == (False, True)


def test_of_another_person_it_goes_too_where_it_names_who_was_erased(ours: Krypton, tmp_path: Path) -> None:
    export(ours, tmp_path / "one", ONE, named=[OTHER])
    exports.deleted(ours, {OTHER: 1})
    assert not opened(tmp_path / "one")


def test_a_later_export_in_the_same_folder_is_somebody_elses(ours: Krypton, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    export(ours, folder, ONE)
    folder.rename(tmp_path / "handed on")
    export(ours, folder, OTHER)
    exports.deleted(ours, {ONE: 1})
    assert opened(folder)
    assert [one["folder"] for one in exports.handed_on(ours, [ONE])] == [str(folder)]


@pytest.mark.parametrize("manifest", ["{}", "[]", "no JSON", '{"name": "another program", "files": ["x"]}'])
def test_a_manifest_of_another_program_is_left_alone(ours: Krypton, tmp_path: Path, manifest: str) -> None:
    folder = tmp_path / "new"
    export(ours, folder, ONE)
    (folder / exports.MANIFEST).write_text(manifest)
    exports.deleted(ours, {ONE: 1})
    assert (folder / exports.MANIFEST).read_text() == manifest


@pytest.mark.parametrize("meanwhile", [True, False])
def test_who_is_erased_while_it_is_written_is_not_in_it(ours: Krypton, tmp_path: Path, meanwhile: bool) -> None:
    """Who was erased before reads erased in it already, and the others' fields stay."""
    region = ours.ledger
    assert isinstance(region, Region)
    person = region.register()
    since = region.head()
    region.ask(Erase(identity=person, reason="error: file 1"))
    noted = export(ours, tmp_path / "new", str(person))
    exports.written(ours, noted, since if meanwhile else region.head())
    assert opened(tmp_path / "new") is not meanwhile
    assert bool(exports.handed_on(ours, [str(person)])) is not meanwhile
    assert (str(tmp_path) in noted.read_text()) is not meanwhile


def test_each_machine_closes_its_own_of_whom_another_erased(ours: Krypton, tmp_path: Path) -> None:
    """The policies ran elsewhere, so nothing was deleted here yet."""
    region = ours.ledger
    assert isinstance(region, Region)
    person, other = region.register(), region.register(local_id="2")
    export(ours, tmp_path / "hers", str(person))
    export(ours, tmp_path / "his", str(other))
    region.ask(Erase(identity=person, reason="error: file 1"))
    exports.follow(ours)
    assert (opened(tmp_path / "hers"), opened(tmp_path / "his")) == (False, True)
    assert exports.handed_on(ours, [str(person)]) == []
