"""The group of a statutory return: consecutive patients of one act on one device, whom the gate has on record.

Rows hold age, sex, weight and height of people, and nothing that names them. Whoever asks acts from the establishment
that made the exposures. Those alone are on record whose exposures are in the group; whose statements leave them out
are passed over, and the next person is in their place. A group that is too small shows nobody, and nobody is recorded.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from domain.actors import Caller
from domain.aggregates.viewing import REFUSED
from domain.dose_acts import OF_NO_ACT, compared_as
from domain.dose_alerts import QUANTITIES
from domain.dose_bands import ADULT, months_at
from domain.dose_flags import Comparison
from domain.dose_return import Group, Wanted, figures, group_of
from domain.errors import Contended, NotFound
from krypton.bootstrap import Krypton
from krypton.errors import ServiceUnavailable
from krypton.queries.comparing import comparison
from krypton.queries.findings import period_of, rows_by_site
from krypton.queries.rows import Kind, as_seen
from krypton.queries.worklists import foreseen, listed

Document = dict[str, Any]
Row = Mapping[str, Any]
TASK: Final = "dose.return"
WITHHELD: Final = "withheld"
OF_PATIENT: Final = ("sex", "age_years", "age_months", "weight_kg", "size_cm")
OF_EXPOSURE: Final = (*QUANTITIES, "phantom_cm", "entrance_dose_mgy", "technique", "radiopharmaceutical")
SHOWN: Final = ("day", *OF_PATIENT, *OF_EXPOSURE, "acquisitions")
RETURNED: Final = Kind(clinical=SHOWN, date="day")
LACKED: Final = ("weight_kg", "size_cm", "sex", "age_years")
"""What may be missing of somebody in the group, and is told."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is asked for. ``since``, ``until``: days, both in the period; None: of the twelve months before its end."""

    site: str
    device: str
    act: str
    population: str = ADULT
    weight_kg: float | None = None
    since: str | None = None
    until: str | None = None

    @property
    def limits(self) -> list[str]:
        """As they are recorded, in clear: nothing that was typed as words."""
        of = {"site": self.site, "population": self.population, "since": self.since, "until": self.until}
        return [f"{name}={value}" for name, value in of.items() if value is not None]


def return_of(ours: Krypton, caller: Caller, asked: Asked) -> Document:
    """The ``dose return`` document. Raises NotFound: no such device, act or weight, or too few persons; and as
    ``listed`` does.
    """
    caller, told = replace(caller, site=asked.site), Document()

    def find(connection: Any, _: str | None) -> list[Document]:
        if foreseen(ours, caller, TASK, (), asked.limits)["decision"] == REFUSED:
            return []
        told.update(_head(ours, connection, asked))
        sought = _Sought(ours, caller, asked, comparison(ours))
        found = sought.group(connection, told)
        told.update(_about(found, sought))
        return [*map(_row, found.rows)]

    rows = listed(ours, caller, TASK, find, _whose, kind=RETURNED, asked=asked.limits)
    if any(row["seen"] == WITHHELD for row in rows):
        raise Contended("what somebody of the group stated has just changed: ask again")
    patients = [{"number": number} | {name: row[name] for name in SHOWN} for number, row in enumerate(rows, 1)]
    lacking = {name: count for name in LACKED if (count := sum(one[name] is None for one in patients))}
    return told | {"figures": figures(patients), "lacking": lacking, "patients": patients}


def _head(ours: Krypton, connection: Any, asked: Asked) -> Document:
    """Where and when. ``undated``: exposures on the device of no day that is known. Raises NotFound."""
    from projections.dose_practice.queries import devices, undated

    known = ours.ledger.directory().sites[asked.site]
    if asked.device not in [one["device"] for one in devices(connection, asked.site)]:
        raise NotFound("no such device of the establishment: krypton dose device SITE lists its devices")
    since, until = period_of(ours, asked.since, asked.until)
    return {
        "site": asked.site,
        "establishment": known.name,
        "finess": known.finess,
        "since": since,
        "until": until,
        "undated": sum(one["exposures"] for one in undated(connection, asked.site) if one["device"] == asked.device),
    }


class _Sought:
    """Finds the exposures that are asked for, by the rules in force. Raises NotFound: no such act or weight."""

    def __init__(self, ours: Krypton, caller: Caller, asked: Asked, compared: Comparison) -> None:
        self._ours, self._caller, self._asked = ours, caller, asked
        self.compared = compared
        if asked.act not in {entry.act for entry in compared.mapping.entries}:
            raise NotFound("no such act in the mapping in force: krypton dose map lists them by name")
        text = compared.levels(date.fromisoformat(asked.until) if asked.until else compared.today)
        self.wanted = Wanted(asked.act, asked.population, text, asked.weight_kg)
        weights = self.wanted.weights
        if weights and asked.weight_kg not in weights:
            named = ", ".join(f"{one:g}" for one in weights)
            raise NotFound(f"the text in force compares children by weight: say --weight with one of {named}")
        if not weights and asked.weight_kg is not None:
            raise NotFound("the text in force has no weights for this act and population: leave --weight out")

    def group(self, connection: Any, head: Row) -> Group:
        """``head``: of ``_head``. Raises NotFound: there are fewer persons than the text asks for."""
        asked, wanted = self._asked, self.wanted
        by_site, person_of = rows_by_site(self._ours, asked.site, head["since"], head["until"], asked.device)
        rows = self._described(connection, self._of_act(connection, by_site.get(asked.site, [])))
        found = group_of(rows, wanted, person_of, self._seen)
        if (count := len(found.rows)) < wanted.persons:
            told = [f"{number} passed over: {why}" for why, number in found.passed_over.most_common()]
            told += [f"{head['undated']} on the device without a day"] if head["undated"] else []
            said = "; ".join([f"{count} of {wanted.persons}", *told])
            raise NotFound(f"group too small ({said}): ask for a longer period, with --since")
        return found

    def _of_act(self, connection: Any, rows: Sequence[Row]) -> list[Row]:
        """The exposures of the act, with how each was made and how many were in its study.

        Raises ServiceUnavailable: the view of doses does not hold one of them yet.
        """
        from projections.cumulative_dose.made import made

        judged = [(row, self.compared.judged(row["told"])) for row in rows]
        acquired = Counter(row["study"] for row, one in judged if one.state != OF_NO_ACT)
        keys = {(row["study"], row["report"], row["uid"]): row for row, one in judged if one.act == self._asked.act}
        details = made(connection, keys)
        if len(details) < len(keys):
            raise ServiceUnavailable("the view cumulative_dose lacks exposures that are counted: run krypton wait")
        return [{**details[key], **row, "acquisitions": acquired[row["study"]]} for key, row in keys.items()]

    def _described(self, connection: Any, rows: Sequence[Row]) -> list[Row]:
        """The same with birth date and sex; none of somebody whose key is destroyed."""
        from projections.identity_index.grouping import birth_dates_of, sexes_of

        destroyed = self._ours.vault.destroyed
        gone = {*destroyed({one for row in rows for one in _whose(row)})}
        kept = [row for row in rows if gone.isdisjoint(_whose(row))]
        people = {row["identity"] for row in kept}
        born, sexes = birth_dates_of(connection, people, destroyed), sexes_of(connection, people, destroyed)
        return [{**row, "born": born.get(row["identity"]), "sex": sexes.get(row["identity"])} for row in kept]

    def _seen(self, rows: list[Row]) -> list[Row]:
        """Those of the exposures that the caller is shown."""
        people = {one for row in rows for one in _whose(row)}
        decided = foreseen(self._ours, self._caller, TASK, people, self._asked.limits)
        return [row for row in rows if as_seen(_row(row), RETURNED, _whose(row), decided)["seen"] != WITHHELD]


def _whose(row: Row) -> list[str]:
    """Whose exposure it is, and under whose key its words are sealed."""
    return [row["identity"], row["subject"]]


def _row(row: Row) -> Document:
    """What is shown of an exposure, and what the gate decides by."""
    stated = row["stated"] or {}
    fewest, most = months_at(row["born"], row["day"], stated.get("age_days")) or (None, None)
    years = None if fewest is None or most is None or fewest // 12 != most // 12 else fewest // 12
    patient = {"age_years": years, "age_months": fewest if fewest == most else None, "size_cm": stated.get("size_cm")}
    kept = ("identity", "subject", "study_uid", "site", *(name for name in SHOWN if name not in patient))
    return {name: row[name] for name in kept} | patient


def _about(found: Group, sought: _Sought) -> Document:
    """Of what the group is, by which rules, on which device, and who was passed over."""
    last, wanted = found.rows[-1], sought.wanted
    return {
        "act": wanted.act,
        "wording": wanted.wording,
        "modality": compared_as(last["modality"]),
        "population": wanted.population,
        "weight_kg": wanted.weight_kg,
        "mapping": sought.compared.mapping.version,
        "levels": wanted.text.version,
        "needed": wanted.persons,
        "device": {"name": last["device"], **last["made_by"], **(last["made_by_words"] or {})},
        "passed_over": [{"why": why, "exposures": count} for why, count in found.passed_over.most_common()],
    }
