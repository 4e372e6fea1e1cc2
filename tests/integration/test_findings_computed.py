"""Findings equal what a few lines of pandas compute from the events and the birth dates: mean 2011, median 2019."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd
import pytest

from domain.commands.links import Merge
from domain.commands.rules import PublishRules
from domain.rules.document import document
from krypton.queries.findings import findings_of
from tests.fakes.region import dose, exposure, received
from tests.fakes.views import pair
from tests.integration.ruled_world import RULES, RuledWorld

pytestmark = pytest.mark.live
PERIOD = ("2012-02-01", "2025-12-31")
LEVELS = pd.DataFrame(
    [
        (2011, "adult", 0.0, 250.0, 0.0),
        (2011, "child", 20.0, 50.0, 0.0),
        (2011, "child", 30.0, 70.0, 0.0),
        (2019, "adult", 0.0, 200.0, 150.0),
    ],
    columns=["text", "population", "weight", "nrd", "guide"],
)
"""Of Chest PA, as the tables of the texts have them; 0: none."""


@pytest.fixture
def world(installed_url: str, tmp_path: Path) -> Iterator[RuledWorld]:
    made = RuledWorld(installed_url, tmp_path)
    for name in ("dose-acts-1", "reference-levels-2011", "reference-levels-2019"):
        made.ask(PublishRules(document=document(tomllib.loads((RULES / f"{name}.toml").read_text()))))
    yield made
    made.close()


def exams(world: RuledWorld, chance: Random) -> dict[str, str]:
    """Chests of many people on two devices, under both texts. Returns the birth dates by identity."""
    born: dict[str, str] = {}
    for number in range(220):
        child = number % 2 == 0
        birth_date = chance.choice(["2008-03-10", "2010-11-30"] if child else ["1950-05-05", "1988-12-31", ""])
        day = chance.choice(["2015-06-01", "2018-02-28"] if child else ["2015-06-01", "2018-02-28", "2023-09-09"])
        shots = []
        for part in range(chance.randint(1, 2)):
            value = round(chance.lognormvariate(4.1 if child else 5.3, 0.4), 1)
            known = {"dap_mgycm2": value} if chance.random() < 0.9 else {}
            told = {"modality": "DX", "protocol": "Thorax PA", "started_at": f"{day}T09:00:00"}
            shots.append({**exposure(f"2.25.8{number}.{part}", **known), **told})
        report = dose(f"2.25.9{number}", *shots)
        report.device.update(model="Room", serial="1" if child else chance.choice("112"))
        age = chance.choice([None, 15_000.0])  # of a child with a birth date it is a slip
        weight = chance.choice([12.0, 18.0, 22.0, 25.0, 26.0, 30.0, 31.0]) if child else None
        report.said["patient"] = {"age_days": age, "weight_kg": weight, "size_cm": None, "pregnant": None}
        stated: dict[str, str | None] = {"family": "FICTIVE", **({"birth_date": birth_date} if birth_date else {})}
        batch = received("CHA", f"2.25.{number}", local_id=f"D{number}", stated=stated, doses=(report,))
        born[str(world.ask(batch).result["identity"])] = birth_date
    return born


def computed(world: RuledWorld, born: dict[str, str], same: dict[str, str]) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """By device, population, weight, side and text: persons, exposures, statistic, and whether it is over."""
    frame = pd.DataFrame(
        {
            "device": f"Room {event.data['words']['device']['serial']}",
            "identity": event.data["identity_id"],
            "day": pd.Timestamp(shot["started_at"][:10]),
            "stated": event.data["words"]["patient"]["age_days"],
            "kg": event.data["words"]["patient"]["weight_kg"],
            "value": shot["dap_mgycm2"],
        }
        for event in world.history()
        if event.type == "dose.reported"
        for shot in event.data["exposures"]
    ).dropna(subset=["value"])
    birth = pd.to_datetime(frame["identity"].map(born).replace("", None))
    had = birth.notna()
    grown = frame["day"] >= birth + pd.DateOffset(years=18)
    frame["population"] = "unknown"
    frame.loc[had, "population"] = grown[had].map({True: "adult", False: "child"})
    frame.loc[~had & (frame["stated"] >= 18 * 365.25), "population"] = "adult"
    frame["weight"] = pd.cut(frame["kg"], [0, 6.75, 15, 25, 30], labels=[3.5, 10, 20, 30]).astype(float)
    frame.loc[frame["population"] == "adult", "weight"] = 0.0
    frame["person"] = frame["identity"].replace(same)
    frame["then"] = frame["day"].ge("2019-05-30").map({True: 2019, False: 2011})
    found = {}
    for side, text in (("at_exam", frame["then"]), ("now", 2019)):
        compared = frame.assign(text=text).merge(LEVELS, on=["text", "population", "weight"])
        for (device, year, population, weight), group in compared.groupby(["device", "text", "population", "weight"]):
            statistic = group["value"].mean() if year == 2011 else group["value"].median()
            people = group["person"].nunique()
            enough = people >= 30
            value = pytest.approx(statistic, rel=1e-9) if enough else None
            over = bool(statistic > group["nrd"].iloc[0]) if enough else None
            found[device, population, weight, side, year] = (people, len(group), value, over)
    return found


@pytest.mark.parametrize("seed", range(2))
def test_each_finding_equals_what_pandas_computes(world: RuledWorld, seed: int) -> None:
    born = exams(world, Random(seed))
    adults = [identity for identity, birth_date in born.items() if birth_date == "1950-05-05"]
    same = {}
    for one, other in zip(adults[:6:2], adults[1:6:2], strict=True):
        world.ask(Merge(**pair(one, other), reason="same person"))
        same[other] = one
    for view in ("identity_index", "dose_practice"):
        world.work(view)
    told = {
        (one["device"], one["population"], one["weight_kg"] or 0.0, one["side"], int(one["rule"][-4:])): (
            *(one[name] for name in ("persons", "exposures", "value", "over")),
        )
        for one in findings_of(world.ours, "CHA", *PERIOD)["findings"]
    }
    expected = computed(world, born, same)
    assert told == expected
    decided = {(population, year) for (_, population, _, _, year), (*_, over) in expected.items() if over is not None}
    assert decided >= {("adult", 2011), ("adult", 2019), ("child", 2011)}
    assert {one["act"] for one in findings_of(world.ours, "CHA", *PERIOD)["findings"]} == {"Chest PA"}
