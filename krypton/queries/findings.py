"""Findings of devices beside reference levels, and what the mapping makes of devices' words; nobody's dose.

Read from the census of practice, a row for each irradiation event.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any, Final, cast

from domain.dose_acts import AMBIGUOUS, UNMAPPED, Marks
from domain.dose_bands import as_of_birth
from domain.dose_findings import NO_DAY, findings
from domain.dose_flags import Comparison
from domain.dose_levels import ReferenceLevels
from domain.dose_practice import whole_months
from domain.dose_suggestions import Suggestion, suggestions
from domain.errors import NotFound
from domain.rules.document import DOSE_ACTS, REFERENCE_LEVELS
from krypton.bootstrap import Krypton
from krypton.queries.comparing import comparison

Document = dict[str, Any]
Row = Mapping[str, Any]
PERIOD: Final = 365
"""Days, where nobody asks for others: the law asks for a comparison each year."""


def findings_of(ours: Krypton, site: str | None, since: str | None, until: str | None) -> Document:
    """The ``dose findings`` document, of one establishment or of all. Raises NotFound: no such establishment."""
    compared, (first, last) = comparison(ours), period_of(ours, since, until)
    found: Document = {"since": first, "until": last, "mapping": compared.mapping.version}
    by_site, person_of = rows_by_site(ours, site, first, last)
    told = [{"site": code, **findings(rows, compared, person_of)} for code, rows in by_site.items()]
    for name in ("findings", "not_compared"):
        found[name] = [{"site": one["site"], **row} for one in told for row in one[name]]
    found["not_compared"] += _undated(ours, site)
    return found


def _undated(ours: Krypton, site: str | None) -> list[Document]:
    from projections.dose_practice.queries import undated

    with ours.snapshot() as connection:
        told = [(code, row) for code in _sites(ours, site) for row in undated(connection, code)]
    return [{"site": code, "device": row["device"], "why": NO_DAY, "exposures": row["exposures"]} for code, row in told]


def mapping_of(ours: Krypton, site: str | None, since: str | None, until: str | None) -> Document:
    """The ``dose map`` document: what each device calls its exposures, of which act that is, and how many there are.

    ``unmapped``: of no entry, or ambiguous; ``acts``: what each act is made of; ``undated``: how many exposures are of
    no day that is known, and so in no period. Raises NotFound: no such establishment.
    """
    compared, (first, last) = comparison(ours), months_of(ours, since, until)
    with ours.snapshot() as connection:
        rows = [*_rows(connection, _sites(ours, site), first, last)]
    counted = Counter(_group(row, compared) for row in rows)
    names = ("site", "device", "modality", "protocol", "region", "acquisition", "state", "act", "between")
    told = [dict(zip(names, key, strict=True)) | {"exposures": count} for key, count in counted.most_common()]
    known = sorted(told, key=lambda one: (-one["exposures"], *(str(one[name] or "") for name in names[:-1])))
    return {
        "since": first,
        "until": last,
        "mapping": compared.mapping.version,
        "undated": sum(one["exposures"] for one in _undated(ours, site)),
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


def period_of(ours: Krypton, since: str | None, until: str | None) -> tuple[str, str]:
    """The days of a period: until today where nobody says otherwise, for an exposure of a day to come has a wrong date;
    and of the twelve months before its end.
    """
    last: date = date.fromisoformat(until) if until else ours.ledger.clock().date()
    begin = max(last, date.min + timedelta(days=PERIOD)) - timedelta(days=PERIOD)
    return since or begin.isoformat(), last.isoformat()


def months_of(ours: Krypton, since: str | None, until: str | None) -> tuple[str, str]:
    """As ``period_of``, of whole months (``domain.dose_practice``); where nobody asks for an end, until today."""
    first, last = period_of(ours, *whole_months(since, until))
    return whole_months(first, None)[0] or first, last


def rows_by_site(
    ours: Krypton, site: str | None, since: str, until: str, device: str | None = None
) -> tuple[Mapping[str, list[Row]], Callable[[str], str]]:
    """The rows of a period by establishment, of one device or of all, of the age that the birth date says; and whose an
    identity is.

    Raises NotFound: no such establishment.
    """
    from projections.identity_index.grouping import birth_dates_of, persons_of

    found: dict[str, list[Row]] = {}
    with ours.snapshot() as connection:
        rows = [*_rows(connection, _sites(ours, site), since, until, device)]
        identities = {row["identity"] for row in rows}
        born = birth_dates_of(connection, identities, ours.vault.destroyed)
        same = persons_of(connection, identities)
    for row in rows:
        found.setdefault(row["site"], []).append(as_of_birth(row, born.get(row["identity"])))
    return found, lambda identity: same.get(identity, identity)


def _sites(ours: Krypton, site: str | None) -> list[str]:
    known = sorted(one.code for one in ours.ledger.directory().sites.values())
    if site is not None and site not in known:
        raise NotFound(f"no establishment {site}: krypton site list shows their codes")
    return known if site is None else [site]


def _rows(connection: Any, sites: Iterable[str], since: str, until: str, device: str | None = None) -> Iterator[Row]:
    """Rows as ``domain.dose_findings`` takes them: none is of a test, and a value that does not count is null."""
    from projections.dose_practice import queries

    told: dict[tuple[str, str], Marks] = {}
    for site in sites:
        for row in queries.exposures(connection, site, device=device, since=since, until=until):
            if (marks := told.get((site, row["marks"]))) is None:
                modality, protocol, procedures, *others = json.loads(row["marks"])
                marks = told[site, row["marks"]] = Marks(site, modality, protocol, tuple(procedures), *others)
            patient = {"weight_kg": row["weight_kg"]}
            yield {**row, "site": site, "told": marks, "patient": patient, "qa": False, "implausible": None}


def _group(row: Row, compared: Comparison) -> tuple[Any, ...]:
    told: Marks = row["told"]
    judged = compared.judged(told)
    region, acquisition = told.region or told.region_code, told.acquisition or told.acquisition_code
    named = (told.site, row["device"], told.modality, told.protocol, region, acquisition)
    return (*named, judged.state, judged.act, judged.between)
