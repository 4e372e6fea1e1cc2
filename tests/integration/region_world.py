"""Several establishments that give the same acts, and the comparison of each with all of them."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from domain.commands.directory import EnrollSite
from krypton.queries.census import Asked, practice_of
from krypton.services import region
from tests.fakes.region import dose, exposure, received
from tests.integration.ruled_world import SITES, RuledWorld

ACTS: Mapping[str, Any] = {"entries": [{"act": "Chest PA", "protocols": ["thorax pa"], "modalities": ["DX"]}]}
OTHERS = ("CHD", "CHE")
PLACES = (*SITES, *OTHERS)
NAMED = {"family": "FICTIVE"}
DAY = "2025-06-10"


class RegionWorld(RuledWorld):
    """Five hospitals, each with one room."""

    def __init__(self, url: str, home: Path) -> None:
        super().__init__(url, home)
        self._given = 0
        for code in OTHERS:
            self.ask(EnrollSite(code=code, name=f"Hospital {code}"))
        self.publish("dose-acts", 1, ACTS)

    def give(
        self, site: str, person: str, *values: float, day: str = DAY, protocol: str = "Thorax PA", **patient: Any
    ) -> str:
        """An exam of that person with an exposure for each value; returns the identity."""
        self._given += 1
        given = f"{self._given}"
        told = {"modality": "DX", "protocol": protocol, "started_at": f"{day}T09:00:00"}
        shots = [
            {**exposure(f"2.25.8{given}.{part}", dap_mgycm2=value), **told} for part, value in enumerate(values, 1)
        ]
        return self.give_shots(site, person, shots, **patient)

    def give_shots(
        self, site: str, person: str, shots: Iterable[dict[str, Any]], stated: Mapping[str, str] = NAMED, **of: Any
    ) -> str:
        """An exam with these exposures. ``of``: age_days, weight_kg; ``stated``: traits."""
        self._given += 1
        report = dose(f"2.25.9{self._given}", *shots)
        report.device.update(model="Room", serial="1")
        report.said["patient"] = {"age_days": 15_000.0, "weight_kg": None, "size_cm": None, "pregnant": None, **of}
        traits: dict[str, str | None] = {**NAMED, **stated}
        batch = received(site, f"2.25.{self._given}", local_id=person, stated=traits, doses=(report,))
        return str(self.ask(batch).result["identity"])

    def fold(self) -> None:
        """What the workers do."""
        for view in ("identity_index", "dose_practice"):
            self.work(view)

    def compare(self) -> Mapping[str, Any]:
        """Make the comparison; returns what the command says."""
        self.fold()
        return region.make(self.ours, lambda _: None)

    def page(self, site: str) -> dict[str, Any]:
        """The ``dose device`` document."""
        return practice_of(self.ours, Asked(site=site))

    def beside(self, site: str, act: str | None = "Chest PA") -> Any:
        """What the one group of an establishment is beside."""
        (group,) = (one for one in self.page(site)["groups"] if one["act"] == act)
        return group["region"]
