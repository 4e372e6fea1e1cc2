"""What names a person need not be an argument, and what is not easily taken back is asked about first."""

import io
import json
import subprocess
import sys
from itertools import combinations
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import typer
from typer import BadParameter

from domain.actors import Caller
from domain.aggregates.identity import Identity
from domain.commands.links import Merge
from domain.commands.received_patient import ReceivedPatient
from domain.commands.studies import ReceivedConflict
from domain.errors import HumanMadeIt
from krypton.addresses import Addresses
from krypton.bootstrap import Krypton
from krypton.cli import (
    consent,
    erase,
    given,
    identity,
    identity_pairs,
    identity_review,
    identity_search,
    importing,
    ingest,
)
from krypton.cli.audit import moment_of
from krypton.cli.main import run
from krypton.settings import Settings
from tests.fakes.ids import IDS, SECRET
from tests.fakes.region import Region, rules_in_force

MATRICULE = "279035121518989"
CLERK = ("identity", "register", "--assigner", "CHB")


class Typed:
    """The command line on a ledger in memory, with somebody at the terminal or nobody."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], home: Path) -> None:
        self.region = Region()
        self._patch, self._capsys = monkeypatch, capsys
        self.ours = Krypton(Settings(home), Addresses("", ""))
        vars(self.ours)["region_secret"] = SECRET
        vars(self.ours)["ledger"] = self.region
        for module in (identity, importing, identity_pairs, identity_review, consent, erase, ingest):
            monkeypatch.setattr(module, "krypton", lambda: self.ours)
        self.sits_there(False)

    def sits_there(self, somebody: bool) -> None:
        self._patch.setattr(given, "on_terminal", lambda: somebody)

    def run(self, *words: object, stdin: str = "") -> tuple[int, str, str]:
        self._patch.setattr(sys, "stdin", io.StringIO(stdin))
        code = run([str(word) for word in words])
        said = self._capsys.readouterr()
        return code, said.out, said.err

    def traits(self, local_id: str) -> dict[str, Any]:
        return self.region.repository.get(Identity.create_id(IDS, "CHB", local_id)).traits


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Typed:
    return Typed(monkeypatch, capsys, tmp_path)


@pytest.mark.parametrize(
    ("words", "stdin"),
    [
        (("identity", "flag", "CHB|\udcff", "DOUT", "--reason", "x"), ""),  # a byte that is no UTF-8, as Python has it
        (("identity", "flag", "-", "DOUT", "--reason", "x"), "CHB|1\0\n"),
    ],
)
def test_odd_words_are_wrong_usage_and_no_defect(typed: Typed, words: tuple[str, ...], stdin: str) -> None:
    code, _, said = typed.run(*words, stdin=stdin)
    assert code == 2
    assert "Traceback" not in said
    assert "\udcff" not in said


def test_where_standard_input_is_closed_nobody_is_asked_and_nothing_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert not given.on_terminal()
    with pytest.raises(BadParameter):
        given.line("-")
    assert given.stated_in("-", ("family",)) == {}


def test_why_somebody_opposes_comes_from_standard_input(typed: Typed) -> None:
    typed.region.register("CHB", "79")
    words = ("consent", "oppose", "CHB|79", "--scope", "feed", "--reason", "-", "--as", "clerk")
    assert typed.run(*words, stdin="a relative works there\n")[0] == 0
    assert typed.region.history()[-1].data["reason"] == "a relative works there"


def test_a_code_is_not_told_to_who_repeats_its_command_for_another_person(
    typed: Typed,
) -> None:
    """Command ids stand in clear on topics."""
    for local_id in ("80", "81"):
        typed.region.register("CHB", local_id)
    words = ("--as", "clerk", "--command-id", UUID(int=5), "--json")
    first, again = (json.loads(typed.run("consent", "code", "CHB|80", *words)[1])["code"] for _ in range(2))
    assert first == again
    code, out, said = typed.run("consent", "code", "CHB|81", *words)
    assert (code, out) == (2, "")
    assert "--command-id" in said
    assert first not in said


def test_a_time_beyond_all_calendars_is_wrong_usage() -> None:
    with pytest.raises(BadParameter):
        moment_of("9999-12-31T23:59:59-23:00")


LINES = "# from the desk\nid = 77\nfamily=FICTIVE\ngiven=Alex\nbirth-date=1970-01-02\nsex=F\n"


def test_traits_come_from_standard_input_or_a_file(typed: Typed, tmp_path: Path) -> None:
    assert typed.run(*CLERK, "--from", "-", stdin=LINES)[0] == 0
    file = tmp_path / "one.json"
    file.write_text(json.dumps({"id": "78", "given": "Alex", "birth_date": "1970-01-02", "sex": "F"}))
    assert typed.run(*CLERK, "--from", file, "--family", "FICTIVE")[0] == 0
    assert typed.traits("77") == typed.traits("78")
    assert typed.traits("77")["family"] == "FICTIVE"


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ("family=ZQXV", "Missing option '--id'"),
        ("ZQXV", "line 1 is not of the form name=value"),
        (LINES + "color=ZQXV", "1 of its names are none of assigner, id, family"),
        ('{"family": ["ZQXV"]}', "a value of its JSON object is not text"),
        ('{"family": "ZQXV"', "it begins as a JSON object and is none"),
        ('{"family": ' + "[" * 60_000, "it begins as a JSON object and is none"),
        ('{"id": "7", "ID": "ZQXV"}', "a name says again what another one says"),
        (LINES + "id=ZQXV", "a line says again what another one says"),
        ("family=ZQXV" * 60_000, "it holds over 65,536 characters"),
        ("family=ZQXV\0", "it holds a null character"),
        (LINES + "assigner=ZQXV", "--assigner is typed and in the file"),
    ],
)
def test_a_file_that_says_something_else_is_told_so_and_nothing_of_it_is_repeated(
    typed: Typed, told: str, words: str
) -> None:
    code, _, err = typed.run(*CLERK, "--from", "-", stdin=told)
    assert code == 2
    assert words in " ".join(err.split())
    assert "ZQXV" not in err


def test_a_file_that_is_not_there_is_told_apart_from_one_that_is_no_text(typed: Typed, tmp_path: Path) -> None:
    assert "it cannot be read (No such file or directory)" in typed.run(*CLERK, "--from", tmp_path / "no")[2]
    (tmp_path / "odd").write_bytes(b"family=FICTIV\xc9\n")
    assert "it is no UTF-8 text" in typed.run(*CLERK, "--from", tmp_path / "odd")[2]


class Sought:
    """What ``identity search`` is asked on a ledger in memory, and what it seeks."""

    def __init__(self, typed: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
        self.criteria: list[dict[str, str]] = []
        self._typed = typed
        monkeypatch.setattr(identity_search, "krypton", lambda: typed.ours)
        monkeypatch.setattr(identity_search, "people_found", self._found)

    def _found(self, _: Krypton, __: Caller, criteria: dict[str, str], limit: int, skip: int) -> list[dict[str, Any]]:
        self.criteria.append(criteria)
        return []

    def run(self, *words: object, stdin: str = "") -> tuple[int, str]:
        code, _, err = self._typed.run("identity", "search", *words, stdin=stdin)
        return code, " ".join(err.split())


@pytest.fixture
def sought(typed: Typed, monkeypatch: pytest.MonkeyPatch) -> Sought:
    return Sought(typed, monkeypatch)


def test_what_is_sought_comes_from_standard_input_or_a_file(sought: Sought, tmp_path: Path) -> None:
    assert sought.run("--from", "-", "--sex", "F", stdin="family=FICTIVE\nbirth-date = 1970-01-02\n") == (0, "")
    (tmp_path / "one.json").write_text(json.dumps({"ins": "2 70 01 99 351 005 75", "given": None}))
    assert sought.run("--from", tmp_path / "one.json") == (0, "")
    assert sought.criteria == [
        {"family": "FICTIVE", "birth_date": "1970-01-02", "sex": "F"},
        {"ins": "270019935100575"},
    ]


@pytest.mark.parametrize(
    ("words", "criteria"),
    [
        (("--family", "DUPONT", "--sound"), {"family_sound": "DUPONT"}),
        (("--ins", "2790351215189", "--given", "Anne", "--sound"), {"ins": MATRICULE, "given_sound": "Anne"}),
        (("--ins", "2 79 03 51 215 189 89"), {"ins": MATRICULE}),
        (("--family", "FICTIVE", "--birth-place", "2a004"), {"family": "FICTIVE", "birth_place": "2A004"}),
        (("--family", "王"), {"family": "王"}),  # one sign, and a whole name
        (("--family", "Иванов"), {"family": "Иванов"}),
    ],
)
def test_what_is_sought_is_read_as_people_write_it(
    sought: Sought, words: tuple[str, ...], criteria: dict[str, str]
) -> None:
    assert sought.run(*words) == (0, "")
    assert sought.criteria == [criteria]


@pytest.mark.parametrize(
    ("words", "stdin", "said"),
    [
        ((), "", "nothing to search by: give --family, --birth-date, --number or --ins"),
        (("--from", "-"), "", "nothing to search by"),
        (("--from", "-"), "given=ZQXV\nsex=F\n", "nothing to search by"),
        (("--family", " "), "", "nothing to search by"),
        (("--from", "-"), "family=Z\n", "--family has 1 letter: give 2 or more"),
        (("--family", "…"), "", "--family has no letter: give 2 or more"),
        (("--family", "12"), "", "--family has no letter"),
        (("--birth-date", "1980-01-02", "--given", "%%"), "", "--given has no letter"),
        (("--birth-date", "1980-01-02", "--sound"), "", "--sound is how names are compared, and none is given"),
        (("--ins", "27903512151898"), "", "--ins is no matricule: give its 13 characters, or 15 with the key"),
        (("--from", "-"), "ins=ZQXV\n", "--ins is no matricule"),
        (("--family", "FICTIVE", "--birth-place", "Ville"), "", "--birth-place: birth place is not an INSEE code"),
        (("--from", "-"), "family=ZQXV\nsex=ZQXV\n", "--sex is none of M, F, I"),
        (("--birth-date", "02/01/1970"), "", "--birth-date is no date: write YYYY-MM-DD"),
        (("--from", "-"), "birth-date=ZQXV\n", "--birth-date is no date"),
        (("--from", "-", "--family", "FICTIVE"), "family=ZQXV\n", "--family is typed and in the file"),
        (("--from", "-"), "color=ZQXV\n", "1 of its names are none of family, given, birth_date"),
    ],
)
def test_a_search_that_could_find_nobody_or_everybody_is_refused(
    sought: Sought, words: tuple[str, ...], stdin: str, said: str
) -> None:
    code, err = sought.run(*words, stdin=stdin)
    assert (code, sought.criteria) == (2, [])
    assert said in err
    assert "ZQXV" not in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("postpone", "CHB|1", "--until", "tomorrow"), "that is no day: write YYYY-MM-DD"),
        (("postpone", "CHB|1", "--until", "0001-01-01T00:00+14:00"), "that is no day"),
        (("postpone", "CHB|1"), "say when it is back: --until a day, or --back for at once"),
        (("postpone", "CHB|1", "--until", "2030-01-01", "--back"), "say when it is back"),
        (("assign", "CHB|1", "--to", "ZQXV"), "a clerk is written clerk: and a code without spaces"),
        (("assign", "CHB|1", "--to", "clerk:c1", "--nobody"), "--to and --nobody exclude each other"),
    ],
)
def test_what_is_put_off_until_no_day_or_given_to_no_clerk_is_told_so(
    typed: Typed, words: tuple[str, ...], said: str
) -> None:
    code, _, err = typed.run("identity", "review", *words, "--reason", "papers awaited")
    assert (code, said in " ".join(err.split()), "ZQXV" in err) == (2, True, False)


def test_a_dash_reads_a_line_of_standard_input_options_first(typed: Typed) -> None:
    one, other = typed.region.persons("1", "2")
    code, _, err = typed.run("identity", "merge", "-", "-", "--reason", "-", stdin=f"papers seen\n{one}\n{other}\n")
    assert (code, err) == (0, "")
    assert str(other) in typed.region.membership().person_of(str(one))
    assert "there is none" in typed.run("identity", "merge", "-", other, "--reason", "x")[2]


def test_a_merge_without_a_reason_asks_for_one_on_a_terminal_alone(typed: Typed) -> None:
    one, other = typed.region.persons("1", "2")
    code, _, err = typed.run("identity", "merge", one, other)
    assert (code, "Missing option '--reason'" in err) == (2, True)
    typed.sits_there(True)
    assert typed.run("identity", "merge", one, other, stdin="papers seen\n")[0] == 0
    (merged,) = [event for event in typed.region.history(0) if event.type == "link.merged"]
    assert merged.data["reason"] == "papers seen"


@pytest.fixture
def unlike(typed: Typed) -> tuple[str, str]:
    """Two identities of another sex and birth date."""
    one = typed.region.register(local_id="1", sex="F", birth_date="1970-01-02")
    other = typed.region.register(local_id="2", sex="M", birth_date="1970-02-01")
    return str(one), str(other)


def test_people_who_differ_are_merged_by_who_says_that_they_know(typed: Typed, unlike: tuple[str, str]) -> None:
    words = ("identity", "merge", *unlike, "--reason", "papers seen")
    assert typed.run(*words) == (
        1,
        "",
        "refused: the two differ in sex and birth date: compare them again, then say --even-though sex "
        "--even-though birth-date (L6)\n",
    )
    typed.sits_there(True)
    code, _, err = typed.run(*words, stdin="n\n")
    assert (code, "the two differ in sex and birth date. Merge them all the same?" in err) == (1, True)
    assert typed.region.membership().person_of(unlike[0]) == {unlike[0]}
    assert typed.run(*words, stdin="y\n")[0] == 0
    assert typed.region.membership().person_of(unlike[0]) == {*unlike}


def test_a_script_merges_people_who_differ_if_it_names_all_that_differs(typed: Typed, unlike: tuple[str, str]) -> None:
    words = ("identity", "merge", *unlike, "--reason", "papers seen", "--even-though", "sex")
    assert typed.run(*words)[0] == 1
    assert typed.run(*words, "--even-though", "birth-date")[0] == 0
    (merged,) = [event for event in typed.region.history(0) if event.type == "link.merged"]
    assert merged.data["differing"] == ["sex", "birth_date"]


def test_a_merge_names_what_rules_merged_that_gives_way(typed: Typed) -> None:
    one, between, other = typed.region.persons("1", "2", "3")
    rules_in_force(typed.region)
    typed.region.ask(Merge(one=one, other=between, reason="alike", rule="strict", rule_version=1))
    assert typed.run("identity", "bar", one, other, "--reason", "twins")[0] == 0
    code, _, err = typed.run("identity", "merge", between, other, "--reason", "papers seen")
    low, high = sorted((one, between))
    waits = f"a bar stands between: what rules merged gives way, and waits in review: {low} and {high}\n"
    assert (code, err) == (0, waits)
    assert typed.region.membership().person_of(str(one)) == {str(one)}


@pytest.mark.parametrize("parting", [("unmerge",), ("review", "dismiss")])
def test_to_part_two_whom_a_third_joins_the_pair_to_cut_is_offered(typed: Typed, parting: tuple[str, ...]) -> None:
    """And no rule joins the two again who were named, once the third is with one of them alone."""
    one, between, other = typed.region.persons("1", "2", "3")
    for side in (one, other):
        assert typed.run("identity", "merge", side, between, "--reason", "papers seen")[0] == 0
    words = ("identity", *parting, one, other, "--command-id", uuid4(), "--reason", "twins")
    code, out, err = typed.run(*words)
    assert (code, out) == (1, "")
    assert "other pairs hold them one person" in err
    assert err.endswith(f"to part them unmerge {' '.join(sorted(map(str, (between, other))))} (L9)\n")
    typed.sits_there(True)
    assert typed.run(*words, stdin="n\n")[0] == 1
    assert len(typed.region.membership().person_of(str(one))) == 3
    before = typed.region.head()
    assert typed.run(*words, stdin="y\n")[0] == 0
    assert typed.region.types(before) == ["link.unmerged", "link.proposed", "link.dismissed"]
    assert typed.region.membership().person_of(str(one)) == {str(one), str(between)}
    assert typed.run(*words)[0] == 0
    assert typed.region.types(before)[3:] == []
    rules_in_force(typed.region)
    again = Merge(one=one, other=other, reason="alike", rule="strict", rule_version=1)
    typed.run("identity", "unmerge", one, between, "--reason", "twins")
    assert type(typed.region.refusal(again)) is HumanMadeIt


def test_an_unmerge_says_which_pairs_join_the_two_all_the_same(typed: Typed) -> None:
    people = typed.region.persons("1", "2", "3")
    for one, other in combinations(people, 2):
        typed.run("identity", "merge", one, other, "--reason", "papers seen")
    code, _, err = typed.run("identity", "unmerge", people[0], people[1], "--reason", "twins")
    assert code == 0
    assert "the two are one person still, by other pairs" in err
    assert typed.region.membership().person_of(str(people[0])) == {*map(str, people)}


def test_what_is_not_known_of_one_differs_from_nothing(typed: Typed) -> None:
    one, other = typed.region.register(local_id="1", sex="F"), typed.region.register(local_id="2")
    assert typed.run("identity", "merge", one, other, "--reason", "papers seen")[0] == 0


def test_an_erasure_asks_first_and_a_script_says_yes(typed: Typed) -> None:
    person = typed.region.register(local_id="1")
    asked = ("erase", "request", person, "--ground", "error", "--reference", "file 12", "--as", "clerk")
    assert typed.run(*asked)[0] == 0
    words = ("erase", "approve", person, "--as", "operator:second")
    code, _, err = typed.run(*words)
    assert (code, "say --yes" in " ".join(err.split())) == (2, True)
    typed.sits_there(True)
    assert typed.run(*words, stdin="n\n")[0] == 1
    assert typed.region.types() == ["identity.registered", "erasure.opened", "erasure.requested"]


def test_what_arrives_while_an_erasure_is_asked_about_is_named_and_nothing_is_approved(
    typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who says yes has not seen it."""
    person = typed.region.register(local_id="1")
    typed.run("erase", "request", person, "--ground", "error", "--reference", "file 12", "--as", "clerk")
    shown, questions, studies = typed.region.head(), list[str](), list[str]()

    def while_asked(question: str, **_: Any) -> bool:
        questions.append(question)
        studies.append(typed.region.receive().result["study"])
        return True

    typed.sits_there(True)
    monkeypatch.setattr(typer, "confirm", while_asked)
    code, _, err = typed.run("erase", "approve", person, "--as", "operator:second")
    assert f"as of ledger position {shown}" in questions[0]
    assert (code, f"study {studies[0]}" in err, "(F7)" in err) == (1, True, True)
    assert "erasure.approved" not in typed.region.types()


def test_who_looked_at_an_earlier_time_says_when(typed: Typed) -> None:
    """A script, too: what came since is named to it."""
    person = typed.region.register(local_id="1")
    typed.run("erase", "request", person, "--ground", "error", "--reference", "file 12", "--as", "clerk")
    approve = ("erase", "approve", person, "--yes", "--as", "operator:second", "--seen")
    shown = typed.region.head()
    study = typed.region.receive().result["study"]
    code, _, err = typed.run(*approve, shown)
    assert (code, f"study {study}" in err) == (1, True)
    assert typed.run(*approve, typed.region.head() + 1)[0] == 3
    assert typed.run(*approve, typed.region.head())[0] == 0


def test_whom_only_a_conflict_names_is_asked_for_by_uuid(typed: Typed) -> None:
    typed.region.receive()
    second = ReceivedConflict(
        patient=ReceivedPatient(local_id="9", issuer=None, stated={"family": "STRANGER"}),
        study_uid="2.25.1",
        differing=["PatientID"],
        instances=1,
        uid="2.25.1.1",
        digest="ab" * 32,
    )
    typed.region.receive(instances=0, conflicts=(second,))
    stranger = Identity.create_id(IDS, "CHB", "9")
    words = ("--ground", "error", "--reference", "file 12", "--as", "clerk")
    assert typed.run("erase", "request", UUID(int=5), *words)[0] == 3
    assert typed.run("erase", "request", stranger, *words)[0] == 0
    assert typed.region.types()[-3:] == ["identity.registered", "erasure.opened", "erasure.requested"]


def test_a_hold_says_whom_of_the_same_person_it_does_not_stop(typed: Typed) -> None:
    one, other = (typed.region.register(local_id=number) for number in "12")
    typed.run("identity", "merge", one, other, "--reason", "x")
    words = ("erase", "hold", one, "--reference", "TJ 26/00123", "--as", "clerk")
    code, _, err = typed.run(*words)
    assert (code, err.strip()) == (0, f"not held, and the same person's: {other}: hold each that the case is about")
    code, out, err = typed.run("erase", "hold", other, *words[3:], "--json")
    assert (code, json.loads(out)["others_not_held"], err) == (0, [], "")


def test_an_import_of_files_that_are_all_refused_ends_with_1(typed: Typed, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "letter.dcm").write_text("no DICOM")
    code, out, _ = typed.run("ingest", "--site", "CHB", tmp_path / "in", "--json")
    assert (code, json.loads(out)["accepted"]) == (1, 0)


def test_an_import_that_a_broken_line_stops_says_what_was_done_until_there(typed: Typed, tmp_path: Path) -> None:
    file = tmp_path / "f.csv"
    file.write_text('assigner,id,family,given,birth_date,sex\nCHB,9,FICTIVE,Alex,,\nCHB,10,"FICTIVE,Alex,,\n')
    code, out, err = typed.run("identity", "import", file)
    assert code == 2
    assert "registered" in out
    assert "written at" in out
    assert "line 3 is no CSV" in " ".join(err.split())
    assert typed.traits("9")["given"] == "Alex"


def test_the_version_is_told() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "krypton.cli.main", "--version"], capture_output=True, text=True, check=True
    )
    assert said.stdout.startswith("krypton 0.")


def test_a_reason_to_read_is_never_made_up(typed: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KRYPTON_REASON")
    person = typed.region.register(local_id="1")
    code, _, err = typed.run("consent", "show", person)
    assert (code, err.endswith("say it with --reason, or KRYPTON_REASON (X3)\n")) == (1, True)
