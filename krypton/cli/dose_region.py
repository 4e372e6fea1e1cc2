"""krypton dose region: makes the comparison of practice with the region now; and shows it beside a device's groups."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from krypton.cli.calling import OWN, As
from krypton.cli.connection import krypton
from krypton.cli.dose_sums import period
from krypton.cli.options import AsJson
from krypton.cli.output import document, heading, out, table, text, when

NOW: Final = "krypton dose region makes it now (operators)"
SAID: Final[Mapping[str, str]] = {
    "old": f"the region is of {{made_at}}, and nobody makes it again: is the worker of dose_practice running? {NOW}",
    "other_rules": "no comparison with the region: it was made by another mapping or other levels than those in force; "
    f"the worker of dose_practice makes it again, and {NOW}",
    "absent": f"no comparison with the region was made yet: the worker of dose_practice makes it, and {NOW}",
}
LIES: Final[Mapping[str | None, str | None]] = {
    "below": "below them",
    "within": "between them",
    "above": "above them",
    None: None,
}
GROUP: Final = ("device", "act", "population", "phantom_cm", "quantity")
COLUMNS: Final = (*GROUP, "median", "region's quartiles", "median lies", "sites")


def region(who: As = OWN, as_json: AsJson = False) -> None:
    """Compare practice with the whole region now; the worker of dose_practice does it from time to time."""
    from krypton.progress import progress
    from krypton.services.region import STEPS, make

    with progress("steps of the comparison with the region", STEPS) as bar:
        made = make(krypton(), lambda done: bar.reach(done, STEPS))
    if as_json:
        document(made)
        return
    out.print(
        f"{made['groups']} groups of {made['exposures']:,} exposures of {made['persons']:,} persons at {made['sites']} "
        f"establishments, from {made['since']} to {made['until']}; figures are told of {made['told']}"
    )


def beside(found: Mapping[str, Any], groups: Sequence[Mapping[str, Any]]) -> None:
    """Groups of a ``dose device`` document beside the region; what is missing or old is said, with what to do."""
    told = found["region"]
    if said := SAID.get(told["state"]):
        out.print(said.format(made_at=when(told["made_at"] or "")))
    if rows := [{**_row(group), "device": device_of(found, group)} for group in groups if group["region"]]:
        title = f"Beside the region, from {told['since']} to {told['until']}: {told['sites']} establishments"
        table(rows, COLUMNS, title)
        if not told["same_period"]:
            out.print(f"the device's medians are of another period:{period(found)}")


def device_of(found: Mapping[str, Any], group: Mapping[str, Any]) -> str | None:
    """Whose a group is, where the answer is of several devices, or of exposures of no known device."""
    of = {one["device"] for name in ("devices", "groups") for one in found[name]}
    return group["device"] or "not known" if found["device"] is None and len(of) > 1 else None


def _row(group: Mapping[str, Any]) -> dict[str, Any]:
    told = group["region"]
    return {
        "act": group["act"],
        "population": ", ".join(filter(None, (group["population"] or "age not known", group["weight"]))),
        "phantom_cm": group["phantom_cm"],
        "quantity": heading(group["quantity"]),
        "median": group["median"],
        "region's quartiles": "too few to tell" if told["too_small"] else text([told["q1"], told["q3"]]),
        "median lies": LIES[told["lies"]],
        "sites": told["sites"],
    }
