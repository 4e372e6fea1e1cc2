"""The statutory return: its rows and figures equal what pandas computes from the events, and the gate stands before it.

The world is that of the findings: the rules that ship, on PostgreSQL.
"""

import io
import tomllib
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import pandas as pd
import pytest

from domain.actors import Caller
from domain.commands.consents import Grant, Oppose
from domain.commands.directory import RegisterProfessional
from domain.commands.doses import ReceivedDose
from domain.commands.links import Merge
from domain.commands.rules import PublishRules
from domain.errors import Contended, NotFound
from domain.rules.document import document
from krypton.errors import ServiceUnavailable
from krypton.faces.practice.statutory import SPREADSHEET, written
from krypton.queries import dose_return, worklists
from krypton.queries.dose_return import Asked, return_of
from krypton.queries.gate import ViewRefused
from tests.fakes.region import CLINICIAN, RADIOLOGIST, dose, exposure, received
from tests.fakes.views import pair
from tests.integration.ruled_world import RULES, RuledWorld

pytestmark = pytest.mark.live
PHYSICIST = Caller(f"rpps:{CLINICIAN}", "yearly return of doses")
OTHERS = Caller(f"rpps:{RADIOLOGIST}", "yearly return of doses")
DEVICE, ACT = "Salle 7", "Chest PA"
YEAR = {"since": "2023-01-01", "until": "2023-12-31"}
VIEWS = ("identity_index", "dose_practice", "cumulative_dose")


@pytest.fixture
def world(installed_url: str, tmp_path: Path) -> Iterator[RuledWorld]:
    made = RuledWorld(installed_url, tmp_path)
    for name in ("dose-acts-1", "reference-levels-2011", "reference-levels-2019"):
        made.ask(PublishRules(document=document(tomllib.loads((RULES / f"{name}.toml").read_text()))))
    for rpps, site in ((CLINICIAN, "CHA"), (RADIOLOGIST, "CHB")):
        made.ask(RegisterProfessional(rpps=rpps, name="Dr Essai", profession="physicist", sites=(site,)))
    yield made
    made.close()


def exam(number: int, day: str = "2023-03-01", at: str = "09:00:00", **told: Any) -> ReceivedDose:
    """A chest of somebody of 41 years, 71.5 kg and 170 cm; ``told``: what is otherwise."""
    known: dict[str, Any] = {"dap": 100.0, "age_days": 15_000.0, "weight_kg": 71.5, "size_cm": 170.0, "serial": "7"}
    known |= {"protocol": "Thorax PA"} | told
    shot = {**exposure(f"1.8.{number}", dap_mgycm2=known["dap"]), "modality": "DX", "protocol": known["protocol"]}
    shot |= {"started_at": f"{day}T{at}", "technique": {"kvp": 125.0, "exposure_mas": 1.2}}
    report = dose(f"1.9.{number}", shot)
    report.device.update(manufacturer="Fictif", model="Salle", serial=known["serial"])
    patient = {name: known[name] for name in ("age_days", "weight_kg", "size_cm")}
    report.said["patient"] = {**patient, "pregnant": None}
    return report


def work(world: RuledWorld) -> None:
    for view in VIEWS:
        world.work(view)


def asked(**told: Any) -> Asked:
    return Asked(**({"site": "CHA", "device": DEVICE, "act": ACT, **YEAR} | told))


def patients(content: bytes) -> pd.DataFrame:
    """The last part of the file, as a French spreadsheet reads it."""
    part = content.removeprefix(SPREADSHEET.mark).split(b"\r\n\r\n")[-1]
    return pd.read_csv(io.BytesIO(part), sep=";", decimal=",")


def figures(content: bytes) -> pd.Series:
    part = content.removeprefix(SPREADSHEET.mark).split(b"\r\n\r\n")[1]
    (row,) = (one for _, one in pd.read_csv(io.BytesIO(part), sep=";", decimal=",").iterrows())
    return row


def year_of(world: RuledWorld, chance: Random) -> dict[str, dict[str, str]]:
    """Exams of many people in a year: adults and children, doses and weights that are not known, two devices."""
    stated: dict[str, dict[str, str]] = {}
    for number in range(130):
        person = number if number < 110 else chance.randrange(110)  # some come again
        birth_date = ("1970-01-02", "2015-05-05")[person % 7 == 0]
        traits = {"family": "FICTIVE", "birth_date": birth_date, "sex": "MF"[person % 2]}
        report = exam(
            number,
            f"2023-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}",
            f"{chance.randint(8, 17):02}:{chance.randint(0, 59):02}:00",
            dap=chance.choice([None, *(round(chance.lognormvariate(5.0, 0.4), 2) for _ in range(9))]),
            weight_kg=chance.choice([None, 54.0, 71.5, 99.5]),
            size_cm=chance.choice([None, 155.0, 181.0]),
            serial=chance.choice("7778"),
            protocol=chance.choice(["Thorax PA"] * 4 + ["Bassin face"]),
        )
        batch = received("CHA", f"2.25.{number}", local_id=f"D{person}", stated=dict(traits), doses=(report,))
        stated[str(world.ask(batch).result["identity"])] = traits
    return stated


def computed(world: RuledWorld, stated: dict[str, dict[str, str]], same: dict[str, str]) -> pd.DataFrame:
    """The first exposure with a dose of each of the first thirty adults, from the events alone."""
    frame = pd.DataFrame(
        {
            "identity": event.data["identity_id"],
            "at": shot["started_at"],
            "serial": event.data["words"]["device"]["serial"],
            "protocol": words["protocol"],
            "dap": shot["dap_mgycm2"],
            **event.data["words"]["patient"],
            **shot["technique"],
        }
        for event in world.history()
        if event.type == "dose.reported"
        for shot, words in zip(event.data["exposures"], event.data["words"]["exposures"], strict=True)
    )
    frame["sex"] = frame["identity"].map(lambda one: stated[one]["sex"])
    frame["adult"] = frame["identity"].map(lambda one: stated[one]["birth_date"] < "2000")
    frame["person"] = frame["identity"].replace(same)
    ours = frame[(frame["serial"] == "7") & (frame["protocol"] == "Thorax PA") & frame["adult"]]
    return ours.dropna(subset=["dap"]).sort_values("at").drop_duplicates("person").head(30).reset_index()


@pytest.mark.parametrize("seed", range(2))
def test_rows_and_figures_equal_what_pandas_computes(world: RuledWorld, seed: int) -> None:
    stated = year_of(world, Random(seed))
    adults = [one for one, traits in stated.items() if traits["birth_date"] < "2000" and traits["sex"] == "F"]
    same = {}
    for one, other in zip(adults[:8:2], adults[1:8:2], strict=True):
        world.ask(Merge(**pair(one, other), reason="same person"))
        same[other] = one
    work(world)
    expected = computed(world, stated, same)
    content = written(return_of(world.ours, PHYSICIST, asked()), SPREADSHEET)
    told = patients(content)
    assert len(expected) == 30
    assert told["N° du patient"].tolist() == [*range(1, 31)]
    assert told["Date de l’acte"].tolist() == expected["at"].str[:10].tolist()
    assert told["Sexe"].tolist() == expected["sex"].tolist()
    assert set(told["Âge (ans)"]) <= {52, 53}  # by the birth date, not the 41 years that the report states
    columns = {"Poids (kg)": "weight_kg", "Taille (cm)": "size_cm", "PDS (mGy.cm²)": "dap"}
    columns |= {"Haute tension (kV)": "kvp", "Charge (mAs)": "exposure_mas"}
    for title, name in columns.items():
        pd.testing.assert_series_equal(told[title].astype(float), expected[name].astype(float), check_names=False)
    values, row = expected["dap"], figures(content)
    shares = (values.median(), values.mean(), values.quantile(0.25), values.quantile(0.75))
    assert (row["Grandeur"], row["Nombre de valeurs"]) == ("PDS (mGy.cm²)", 30)
    assert [*row[["Médiane", "Moyenne", "25e centile", "75e centile"]]] == pytest.approx(shares, rel=1e-9)


def thirty(world: RuledWorld, count: int = 30, **told: Any) -> list[str]:
    """So many adults, one a day; returns their identities in that order."""
    found = []
    for number in range(count):
        day = f"2023-{number // 28 + 1:02}-{number % 28 + 1:02}"
        batch = received("CHA", f"2.25.{number}", local_id=f"D{number}", doses=(exam(number, day, **told),))
        found.append(str(world.ask(batch).result["identity"]))
    work(world)
    return found


def test_those_of_the_group_alone_are_on_record_with_who_asked_and_why(world: RuledWorld) -> None:
    people, before = thirty(world, 33), world.head()
    found = return_of(world.ours, PHYSICIST, asked())
    (event,) = world.history(before)
    assert (event.type, event.data["kind"], event.data["actor"]) == ("access.listed", "dose.return", PHYSICIST.actor)
    assert (event.data["site"], event.data["reason"]) == ("CHA", PHYSICIST.reason)
    assert event.data["asked"] == ["site=CHA", "population=adult", "since=2023-01-01", "until=2023-12-31"]
    assert event.data["identities"] == sorted(people[:30])
    assert (found["device"]["manufacturer"], found["device"]["serial"], found["needed"]) == ("Fictif", "7", 30)
    content = written(found, SPREADSHEET).decode()
    assert [one for one in (*people, "FICTIVE", "2.25.", "1.8.", "1.9.") if one in content] == []


@pytest.mark.parametrize("stated", ["opposition", "study:2.25.4", "period:2023-01-05/2023-01-05"])
def test_whoever_leaves_it_out_is_passed_over_and_the_next_is_in_their_place(world: RuledWorld, stated: str) -> None:
    people = thirty(world, 31)
    one = UUID(people[4])
    leaves_out = Grant(identity=one, party=PHYSICIST.actor, exclusions=[stated])
    world.ask(Oppose(identity=one) if stated == "opposition" else leaves_out)
    before = world.head()
    found = return_of(world.ours, PHYSICIST, asked())
    assert found["passed_over"] == [{"why": "a statement of the person leaves it out", "exposures": 1}]
    (event,) = world.history(before)
    assert event.data["identities"] == sorted({*people} - {people[4]})


def test_a_statement_that_comes_in_between_shows_nothing(world: RuledWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    people = thirty(world, 31)

    def then_opposed(*given: Any) -> Any:
        told = worklists.foreseen(*given)
        if people[4] in given[3]:
            world.ask(Oppose(identity=UUID(people[4])))
        return told

    monkeypatch.setattr(dose_return, "foreseen", then_opposed)
    with pytest.raises(Contended, match="has just changed: ask again"):
        return_of(world.ours, PHYSICIST, asked())


def test_nobody_whose_key_is_destroyed_is_in_it(world: RuledWorld) -> None:
    people = thirty(world, 31)
    world.ours.vault.destroy(people[0])
    assert return_of(world.ours, PHYSICIST, asked())["patients"][0]["day"] == "2023-01-02"


def test_weights_that_nobody_knows_are_counted_and_the_persons_stay(world: RuledWorld) -> None:
    thirty(world, 29)
    batch = received("CHA", "2.25.90", local_id="D90", doses=(exam(90, weight_kg=None, size_cm=None),))
    world.ask(batch)
    work(world)
    found = return_of(world.ours, PHYSICIST, asked())
    assert found["lacking"] == {"weight_kg": 1, "size_cm": 1, "sex": 30}
    assert patients(written(found, SPREADSHEET))["Poids (kg)"].isna().sum() == 1


def test_a_group_that_is_too_small_says_how_small_and_nobody_is_on_record(world: RuledWorld) -> None:
    thirty(world, 29)
    undated = exam(91)
    undated.exposures[0]["started_at"] = None
    for number, report in ((90, exam(90, "2023-02-20", age_days=None)), (91, undated)):
        world.ask(received("CHA", f"2.25.{number}", local_id=f"D{number}", doses=(report,)))
    work(world)
    before = world.head()
    said = r"\(29 of 30; 1 passed over: adult or child is not known; 1 on the device without a day\): ask for a longer"
    with pytest.raises(NotFound, match=said):
        return_of(world.ours, PHYSICIST, asked())
    with pytest.raises(NotFound, match=r"too small \(28 of 30; "):
        return_of(world.ours, PHYSICIST, asked(since="2023-01-02", until="2023-02-01"))
    assert world.head() == before


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"device": "Salle 9"}, "no such device of the establishment: krypton dose device SITE"),
        ({"act": "Chest, seated"}, "no such act in the mapping in force: krypton dose map"),
        ({"weight_kg": 20.0}, "no weights for this act and population: leave --weight out"),
        ({"population": "child", "act": "Chest PA", "until": "2015-12-31"}, r"say --weight with one of .*20, 30"),
    ],
)
def test_what_is_not_there_is_said_and_nobody_is_on_record(world: RuledWorld, told: dict[str, Any], said: str) -> None:
    thirty(world, 1)
    before = world.head()
    with pytest.raises(NotFound, match=said):
        return_of(world.ours, PHYSICIST, asked(**told))
    assert world.head() == before


@pytest.mark.parametrize(
    ("caller", "rule"),
    [
        (OTHERS, "X2"),
        (Caller("rpps:10101209999", "return"), "X1"),
        (Caller("operator:one", "return"), "W2"),
        (Caller("patient:6f1c1c2e-0b1a-5c3e-9a0c-4b6a35d1e8f2", "return"), "W2"),
    ],
)
def test_who_does_not_act_from_the_establishment_is_refused_on_record(
    world: RuledWorld, caller: Caller, rule: str
) -> None:
    thirty(world, 1)
    before = world.head()
    with pytest.raises(ViewRefused) as refused:
        return_of(world.ours, caller, asked())
    (event,) = world.history(before)
    assert (refused.value.rule, event.type, event.data["kind"]) == (rule, "access.view_refused", "dose.return")


def test_a_dose_that_one_view_counts_and_the_other_lacks_is_waited_for(world: RuledWorld) -> None:
    thirty(world, 29)
    world.ask(received("CHA", "2.25.90", local_id="D90", doses=(exam(90),)))
    for view in ("identity_index", "dose_practice"):
        world.work(view)
    with pytest.raises(ServiceUnavailable, match="run krypton wait"):
        return_of(world.ours, PHYSICIST, asked())


def test_children_are_returned_by_the_weight_that_the_text_names(world: RuledWorld) -> None:
    for number in range(40):
        weight_kg = 21.0 if number < 31 else 29.0
        report = exam(number, f"2014-{number // 28 + 1:02}-{number % 28 + 1:02}", age_days=2_000.0, weight_kg=weight_kg)
        world.ask(received("CHA", f"2.25.{number}", local_id=f"D{number}", doses=(report,)))
    work(world)
    of_year = {"population": "child", "since": "2014-01-01", "until": "2014-12-31"}
    found = return_of(world.ours, PHYSICIST, asked(**of_year, weight_kg=20.0))
    assert (found["levels"], found["needed"]) == (2011, 30)
    assert {(one["weight_kg"], one["age_years"]) for one in found["patients"]} == {(21.0, 5)}
    with pytest.raises(NotFound, match=r"too small \(9 of 30\)"):
        return_of(world.ours, PHYSICIST, asked(**of_year, weight_kg=30.0))


def test_a_day_that_has_not_come_is_of_no_period(world: RuledWorld) -> None:
    """The device's clock was ahead: the file would end after the period that it states."""
    thirty(world, 29)
    world.ask(received("CHA", "2.25.90", local_id="D90", doses=(exam(90, "2999-01-01"),)))
    work(world)
    with pytest.raises(NotFound, match=r"too small \(29 of 30\)"):
        return_of(world.ours, PHYSICIST, asked(until=None))
