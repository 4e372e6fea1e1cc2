"""Generates a region's history of any length, reproducible from a seed and streamed.

Shape: a person has one to four local identities at different sites; studies per identity are skewed (most few, some
dozens); 1 % of all persons have two identities merged, and 10 % of the merges are undone; 60 % of the studies have a
dose report of one to six exposures, a third an order; some people grant consent, and accesses are based on it. Fields
sealed in a real ledger are sealed here. People of one cohort live at the same time: their events interleave, each
aggregate's in its own order. Names and numbers are plainly fictitious.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from domain.dose_words import parted

SITES = tuple(f"CH{n:02}" for n in range(40))
COHORT = 2_000  # people whose events interleave
START_US = 1_767_225_600_000_000  # 2026-01-01
STEP_US = 250_000
TEXTS = ("SCANNER THORAX", "IRM CEREBRALE", "RADIO GENOU", "ECHO ABDOMEN", "MAMMOGRAPHIE")
CHECKED = ("check_dlp_mgycm", "forward_dlp_mgycm", "check_ctdivol_mgy", "forward_ctdivol_mgy")
NOTIFIED = ("notify_dlp_mgycm", "notify_forward_dlp_mgycm", "notify_ctdivol_mgy", "notify_forward_ctdivol_mgy")
Body = dict[str, Any]


class Happened(NamedTuple):
    """One event before it has a position. ``key`` is Kafka's, ``version`` the place in the aggregate's history."""

    type: str
    aggregate: str
    key: str
    version: int
    body: Body


@dataclass
class Identity:
    """One local identity, and where it was registered once that is known."""

    id: str
    site: str
    registered: int = 0


@dataclass
class Cohort:
    """People of one time, and what happens to them: ``first`` registrations, then ``stories``, each in order."""

    subjects: list[str] = field(default_factory=list)
    first: list[tuple[Identity, Happened]] = field(default_factory=list)
    stories: list[list[Callable[[], Happened]]] = field(default_factory=list)


class History:
    """Cohorts without end; ``seed`` decides everything but the seals."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)
        self._envelopes = random.Random(f"{seed} envelopes")  # apart: the same happens whatever is written
        self._people = 0

    def cohorts(self) -> Iterator[Cohort]:
        """One after the other."""
        while True:
            cohort = Cohort()
            for _ in range(COHORT):
                self._person(cohort)
            yield cohort

    def uuid(self) -> str:
        """A uuid of the seed's making."""
        return str(UUID(int=self._random.getrandbits(128), version=4))

    def ids(self) -> dict[str, str]:
        """Of an envelope: each event has a command of its own."""
        draw = self._envelopes.getrandbits
        return {name: str(UUID(int=draw(128), version=4)) for name in ("command_id", "correlation_id")}

    def uid(self) -> str:
        """A DICOM UID of the 2.25 root."""
        return f"2.25.{self._random.getrandbits(120)}"

    def lived(self, cohort: Cohort, position: int) -> Iterator[tuple[int, Happened]]:
        """The cohort's events with their positions, which go on after ``position``."""
        for position, (identity, event) in enumerate(cohort.first, position + 1):  # noqa: B020  # it goes on
            identity.registered = position
            yield position, event
        for position, happens in enumerate(self._interleaved(cohort), position + 1):  # noqa: B020
            yield position, happens()

    def _interleaved(self, cohort: Cohort) -> Iterator[Callable[[], Happened]]:
        """All of the cohort's stories, mixed, each in its own order."""
        times: list[tuple[float, int]] = []
        for number, story in enumerate(cohort.stories):
            times += zip(sorted(self._random.random() for _ in story), [number] * len(story), strict=True)
        at = [iter(story) for story in cohort.stories]
        for _, number in sorted(times):
            yield next(at[number])

    def _person(self, cohort: Cohort) -> None:
        self._people += 1
        draw = self._random
        held = [
            Identity(self.uuid(), site) for site in draw.sample(SITES, draw.choices((1, 2, 3, 4), (60, 25, 10, 5))[0])
        ]
        for one in held:
            cohort.subjects.append(one.id)
            cohort.first.append((one, self._registered(one)))
            self._lived(cohort, one)
        if len(held) > 1 and draw.random() < 0.025:  # of the 40 % with several identities: 1 % of all people
            cohort.stories.append(self._link(held[0], held[1]))

    def _registered(self, one: Identity) -> Happened:
        traits = {"family": f"FICTIF{self._people}", "given": "Camille", "birth_date": "1970-01-01", "sex": "F"}
        body = {
            "assigner": one.site,
            "local_id": str(self._people),
            "ordinal": 1,
            "traits": traits,
            "source": "received",
        }
        return Happened("identity.registered", one.id, one.id, 1, body)

    def _lived(self, cohort: Cohort, one: Identity) -> None:
        draw = self._random
        if draw.random() < 0.2:
            said = [
                {"traits": {"family": f"FICTIVE{self._people}"}, "changed": ["family"], "reason": "read from a card"}
            ]
            said += [{"status": "VALI", "reason": "seen"}] if draw.random() < 0.5 else []
            names = ("identity.traits_corrected", "identity.status_changed")
            cohort.stories.append(
                [_said(Happened(names[n], one.id, one.id, 2 + n, body)) for n, body in enumerate(said)]
            )
        for _ in range(min(60, int(draw.paretovariate(1.2)))):
            self._study(cohort, one)
        if draw.random() < 0.1:
            cohort.stories += self._sharing(one)

    def _study(self, cohort: Cohort, one: Identity) -> None:
        draw, study, uid = self._random, self.uuid(), self.uid()
        modality = draw.choice(("CT", "MR", "CR", "US", "MG"))
        of: Body = {"identity_id": one.id, "study_uid": uid}
        arrived = of | self._batch(modality) | {
            "site": one.site, "accession": f"A{draw.getrandbits(40)}", "started_at": "2026-01-05T08:00:00",
            "description": draw.choice(TEXTS),
        }  # fmt: skip
        story = [Happened("study.arrived", study, study, 1, arrived)]
        while draw.random() < 0.25:
            story.append(Happened("study.extended", study, study, len(story) + 1, of | self._batch(modality)))
        if draw.random() < 0.2:
            report = of | {"report_uid": self.uid(), "kind": "SR", "title": "Compte rendu"}
            story.append(Happened("study.report_added", study, study, len(story) + 1, report))
        cohort.stories.append([_said(event) for event in story])
        if draw.random() < 0.6:
            cohort.stories.append(self._dose(one, study, uid, modality))
        if draw.random() < 0.33:
            cohort.stories.append(self._order(one, study, uid, modality))

    def _batch(self, modality: str) -> Body:
        series = [
            {"series_uid": self.uid(), "modality": modality, "instances": self._random.randint(1, 400)}
            for _ in range(self._random.choice((1, 1, 2, 3)))
        ]
        total = sum(int(str(one["instances"])) for one in series)
        return {"modalities": [modality], "series": series, "instances": total, "root": "00" * 32}

    def _dose(self, one: Identity, study: str, uid: str, modality: str) -> list[Callable[[], Happened]]:
        dose, of = self.uuid(), {"study_id": study, "identity_id": one.id, "study_uid": uid}
        whole = [self._exposure(modality) for _ in range(self._random.choice((1, 1, 2, 2, 3, 6)))]
        said = {"manufacturer": "Maker", "model": "One", "serial": "1", "station": f"{modality}1"}
        device, exposures, words = parted(said, whole, [])
        reported = of | {
            "site": one.site, "report_uid": self.uid(), "reported_at": "2026-01-05T08:30:00", "modality": modality,
            "device": device, "words": words,
            "exposures": exposures, "totals": {"dlp_mgycm": 400.5}, "qa": False,
            "implausible": [], "bounds_version": 0, "source": "report", "warnings": [], "tolerances": {},
            "sop_class": "1.2.840.10008.5.1.4.1.1.88.67",
        }  # fmt: skip
        opened, told = Happened("dose.opened", dose, study, 1, of), Happened("dose.reported", dose, study, 2, reported)
        return [_said(opened), _said(told)]

    def _exposure(self, modality: str) -> Body:
        nothing = dict.fromkeys(
            ("laterality", "dap_mgycm2", "dose_rp_mgy", "agd_mgy", "activity_mbq", *CHECKED, *NOTIFIED, "side",
             "started_offset", "plane", "ssde_mgy", "entrance_dose_mgy")
        )  # fmt: skip
        dose = round(self._random.uniform(1, 30), 2)
        return nothing | {
            "irradiation_event_uid": self.uid(), "kind": "CT", "started_at": "2026-01-05T08:10:00",
            "modality": modality, "protocol": "Thorax", "target_region": "Chest", "acquisition": "Spiral",
            "ctdivol_mgy": dose, "dlp_mgycm": round(dose * 38.1, 2), "phantom_cm": 32,
            "raw": {"ctdivol": f"{dose} mGy"}, "not_understood": [], "implausible": [],
            "template": "10013", "source": "report", "organ_doses": [],
            "technique": {"kvp": 120.0, "tube_current_ma": 180.0, "pitch": 0.9, "scan_length_mm": 381.0},
        }  # fmt: skip

    def _order(self, one: Identity, study: str, uid: str, modality: str) -> list[Callable[[], Happened]]:
        order, accession, of = self.uuid(), f"B{self._random.getrandbits(40)}", {"identity_id": one.id}
        steps: dict[str, Body] = {
            "order.placed": {
                "site": one.site, "placer_number": accession, "ordered_by": "10101201233", "modality": modality,
                "act": None, "question": "Recherche de lésion", "urgency": "routine", "accession": None,
                "wanted_by": None, "pregnancy": None,
            },
            "order.scheduled": {"site": one.site, "at": START_US, "accession": accession, "ae_title": None},
            "order.performed": {"study_uid": uid, "study_id": study},
        }  # fmt: skip
        return [_said(Happened(name, order, order, n, of | body)) for n, (name, body) in enumerate(steps.items(), 1)]

    def _sharing(self, one: Identity) -> list[list[Callable[[], Happened]]]:
        consent, statement, access = self.uuid(), self.uuid(), self.uuid()
        of: Body = {"identity_id": one.id}
        granted = of | {"statement_id": statement, "party": "rpps:10101201233", "expires_at": None, "exclusions": []}
        seen = of | {
            "members": [one.id], "rpps": "10101201233", "site": one.site, "purpose": "TREATMENT", "reason": "suivi",
            "ground": "consent", "rule": "A3", "consenting_id": one.id, "statement_id": statement, "exclusions": [],
            "expires_at": START_US,
        }  # fmt: skip
        said = [
            Happened("consent.opened", consent, one.id, 1, of),
            Happened("consent.granted", consent, one.id, 2, granted),
        ]
        return [[_said(s) for s in said], [_said(Happened("access.granted", access, access, 1, seen))]]

    def _link(self, one: Identity, other: Identity) -> list[Callable[[], Happened]]:
        low, high = sorted((one, other), key=lambda side: side.id)
        link = self.uuid()

        def of() -> Body:  # asked when the event happens: by then the registrations have their positions
            sides = {"low": low.id, "high": high.id, "reason": "same traits"}
            return sides | {"low_registered": low.registered, "high_registered": high.registered}

        rule = {"rule": "strict-traits", "rule_version": 1, "score": 0.98, "compared": ["family", "birth_date"]}
        story = [lambda: Happened("link.merged", link, link, 1, of() | rule)]
        if self._random.random() < 0.1:
            story.append(lambda: Happened("link.unmerged", link, link, 2, of() | {"rule": "human"}))
        return story


def _said(event: Happened) -> Callable[[], Happened]:
    return lambda: event
