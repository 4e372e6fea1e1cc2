"""Findings of devices beside reference levels, and what the mapping makes of devices' words; nobody's dose.

Read from the census of practice, a row for each irradiation event.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any, Final, cast

from domain.dose_acts import AMBIGUOUS, UNMAPPED, Marks
from domain.dose_findings import findings
from domain.dose_flags import Comparison
from domain.dose_levels import ReferenceLevels
from domain.dose_suggestions import Suggestion, suggestions
from domain.errors import NotFound
from domain.rules.document import DOSE_ACTS, REFERENCE_LEVELS
from krypton.bootstrap import Krypton
from krypton.queries.comparing import comparison

Document = dict[str, Any]
Row = dict[str, Any]
PERIOD: Final = 365
"""Days, where nobody asks for others: the law asks for a comparison each year."""


def findings_of(ours: Krypton, site: str | None, since: str | None, until: str | None) -> Document:
    """The ``dose findings`` document, of one establishment or of all. Raises NotFound: no such establishment."""
    from projections.identity_index.grouping import persons_of

    compared, first, last = comparison(ours), since or _begin(ours, until), until
    found: Document = {"since": first, "until": last, "mapping": compared.mapping.version}
    with ours.snapshot() as connection:
        rows = [*_rows(connection, _sites(ours, site), first, last)]
        same = persons_of(connection, {row["identity"] for row in rows})
    told = [
        {"site": code, **findings(some, compared, lambda one: same.get(one, one))}
        for code, some in _by_site(rows).items()
    ]
    return found | {
        name: [{"site": one["site"], **row} for one in told for row in one[name]]
        for name in ("findings", "not_compared")
    }


def mapping_of(ours: Krypton, site: str | None, since: str | None, until: str | None) -> Document:
    """The ``dose map`` document: what each device calls its exposures, of which act that is, and how many there are.

    ``unmapped``: of no entry, or ambiguous; ``acts``: what each act is made of. Raises NotFound: no such establishment.
    """
    compared, first = comparison(ours), since or _begin(ours, until)
    with ours.snapshot() as connection:
        rows = [*_rows(connection, _sites(ours, site), first, until)]
    counted = Counter(_group(row, compared) for row in rows)
    names = ("site", "device", "modality", "protocol", "region", "acquisition", "state", "act", "between")
    told = [dict(zip(names, key, strict=True)) | {"exposures": count} for key, count in counted.most_common()]
    known = sorted(told, key=lambda one: (-one["exposures"], *(str(one[name] or "") for name in names[:-1])))
    return {
        "since": first,
        "until": until,
        "mapping": compared.mapping.version,
        "unmapped": [one for one in known if one["state"] in (UNMAPPED, AMBIGUOUS)],
        "acts": [one for one in known if one["state"] not in (UNMAPPED, AMBIGUOUS)],
    }


def suggested(
    ours: Krypton, site: str | None, since: str | None, until: str | None
) -> tuple[Document, list[Suggestion]]:
    """The mapping in force as a rule file's content, under the next version; and a proposal for each protocol that no
    entry fits.
    """
    rules, today = ours.ledger.rules(), ours.ledger.clock().date()
    mapping, unmapped = rules.acts(today), Counter[tuple[str, str]]()
    for one in mapping_of(ours, site, since, until)["unmapped"]:
        if one["state"] == UNMAPPED and one["protocol"]:
            unmapped[one["modality"], one["protocol"]] += one["exposures"]
    versions = [known.version for known in rules.published if known.kind == DOSE_ACTS]
    in_force = [known for known in rules.published if known.kind == DOSE_ACTS and known.version == mapping.version]
    body = json.loads(rules.document(in_force[0]).body) if in_force else {"entries": []}
    envelope = {"kind": DOSE_ACTS, "version": max(versions, default=0) + 1, "in_force_from": today.isoformat()}
    texts = [cast(ReferenceLevels, rules.get(one)) for one in rules.published if one.kind == REFERENCE_LEVELS]
    return envelope | {"body": body}, suggestions(unmapped, mapping, texts)


def _begin(ours: Krypton, until: str | None) -> str:
    last: date = date.fromisoformat(until) if until else ours.ledger.clock().date()
    return (max(last, date.min + timedelta(days=PERIOD)) - timedelta(days=PERIOD)).isoformat()


def _sites(ours: Krypton, site: str | None) -> list[str]:
    known = sorted(one.code for one in ours.ledger.directory().sites.values())
    if site is not None and site not in known:
        raise NotFound(f"no establishment {site}: krypton site list shows their codes")
    return known if site is None else [site]


def _rows(connection: Any, sites: Iterable[str], since: str, until: str | None) -> Iterator[Row]:
    """Rows as ``domain.dose_findings`` takes them: none is of a test, and a value that does not count is null."""
    from projections.dose_practice import queries

    told: dict[tuple[str, str], Marks] = {}
    for site in sites:
        for row in queries.exposures(connection, site, since=since, until=until):
            if (marks := told.get((site, row["marks"]))) is None:
                modality, protocol, procedures, *others = json.loads(row["marks"])
                marks = told[site, row["marks"]] = Marks(site, modality, protocol, tuple(procedures), *others)
            patient = {"weight_kg": row["weight_kg"]}
            yield {**row, "site": site, "told": marks, "patient": patient, "qa": False, "implausible": None}


def _by_site(rows: Iterable[Row]) -> Mapping[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["site"], []).append(row)
    return found


def _group(row: Row, compared: Comparison) -> tuple[Any, ...]:
    told: Marks = row["told"]
    judged = compared.judged(told)
    region, acquisition = told.region or told.region_code, told.acquisition or told.acquisition_code
    named = (told.site, row["device"], told.modality, told.protocol, region, acquisition)
    return (*named, judged.state, judged.act, judged.between)
