"""The alerts policy: judges a person by the alert rules when their doses change, and tells of each alert.

A person's doses change with a report, a study that moves, and a statement of who is one person; by which rules they are
judged changes with a corrected birth date. The ledger judges on what it holds then, so an entry may come late or twice.
Whoever is to look is told by a notice and by mail. Each is an entry of its own: what one receiver refuses is tried
again by itself. They are delivered one after the other, beside the judging: a receiver that is slow to answer holds up
the next notice, and nobody who is to be judged.
"""

from collections.abc import Iterable
from typing import Final

from policies.policy import Due, Kind, Policy
from schemas.event import LedgerEvent

JUDGE: Final = "judge_person"
WHY: Final = {
    "identity.traits_corrected": "corrected",
    "dose.reported": "corrected",
    "dose.values_accepted": "corrected",
    "dose.reassigned": "reassigned",
    "link.merged": "other_person",
    "link.unmerged": "other_person",
    "link.barred": "other_person",
    "link.unbarred": "other_person",
}
"""Events that change a person's doses, or whether they are a child's: what withdraws an alert whose cause they end."""
TOLD: Final = {"dose.alert_raised": "dose_alert_raised", "dose.alert_withdrawn": "dose_alert_withdrawn"}
"""Events of which people are told: the name of the notice."""
MAIL: Final = "mail_"
"""Begins the name of a notice that goes by mail."""


class Alerts(Policy):
    """See the module."""

    name = "alerts"
    version = 1
    topics: tuple[str, ...] = ("krypton.doses", "krypton.links", "krypton.identities")

    def react(self, event: LedgerEvent) -> Iterable[Due]:
        """See ``Policy``."""
        if (why := WHY.get(event.type)) is not None:
            return tuple(Due(Kind.COMMAND, JUDGE, {"identity": one, "why": why}) for one in _whose(event))
        if (notice := TOLD.get(event.type)) is not None:
            data = event.data
            body = {"alert": data["alert_id"], "study": data["study_id"]}
            if event.type == "dose.alert_raised":
                body |= {"site": data["site"], "kind": data["kind"], "rule": f"{data['rule']}@{data['rule_version']}"}
            else:
                body |= {"site": data["site"], "why": data["why"]}
            return tuple(Due(Kind.DELIVERY, f"{way}{notice}", body) for way in ("", MAIL))
        return ()


def _whose(event: LedgerEvent) -> tuple[str, ...]:
    data = event.data
    if event.type.startswith("link."):
        return data["low"], data["high"]
    if "changed" in data and "birth_date" not in data["changed"]:
        return ()
    return (data["identity_id"], *([data["to_identity_id"]] if "to_identity_id" in data else []))
