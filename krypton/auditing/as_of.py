"""``audit as-of``: person, record and dose as a reader would have seen them at a given position or time.

It does not read the live views, which hold today's rows and could have been altered: the person's events up to that
position are folded again, and the views' queries run on the result (``replayed``). Where the live views keep history
(membership, doses), both answers are compared and differences are reported.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from datetime import date
from typing import Any

from domain.actors import Caller
from domain.errors import NotFound
from domain.times import iso
from krypton.auditing.asking import answering
from krypton.auditing.replayed import Moment, Past
from krypton.auditing.withheld import Withheld
from krypton.bootstrap import Krypton
from krypton.queries import fed
from krypton.queries.comparing import comparison_by
from krypton.queries.doses import asked_of
from projections.cumulative_dose import queries as doses
from projections.identity_index import queries as identities
from projections.patient_record import queries as records
from projections.patient_record.unsettled import unread_of

Document = dict[str, Any]


def as_of(ours: Krypton, moment: Moment, ref: str, caller: Caller, *, whole: bool = False) -> Document:
    """The ``audit as-of`` document. ``whole``: see ``replayed``. Raises as ``answering`` does."""

    def limits(past: Past) -> list[str]:
        return [f"at={past.position}"]

    with answering(ours, caller, "audit.as-of", ref, moment=moment, whole=whole, limits=limits) as (past, _):
        (identity,) = past.asked
        if not any(e.type == "identity.registered" and e.aggregate_id == identity for e in past.events):
            raise NotFound(  # an answer too: when somebody was not known yet
                f"identity {identity} was not registered yet at position {past.position}: ask about a later one"
            )
        answer = {"position": past.position, "recorded_at": iso(past.at)} | seen(past, identity)
        return answer | _basis(past, identity, answer)


def seen(past: Past, identity: str) -> Document:
    """``person``, ``members``, ``identity``, ``record``, ``dose``: the last three in the form of their ``show``
    commands, without ``to_review``: that is open work on a pair, which ``audit history`` tells, no part of a record.
    """
    members = past.members(identity)
    together = [member["identity"] for member in members]
    whose = {"person": identities.person(past.views, identity), "members": members}
    shown = identities.show(past.views, identity, past.erased([*together, identity]))
    shown["duplicates"] = identities.duplicates(past.views, together, past.erased(together))
    sight = Withheld.of(past.identities, past.events).sight(together)
    erased = _erased(past, together, records.subjects)
    record = fed.record(past.live, past.views, past.krypton.codec, together, erased, sight, past.position)
    day = date.fromisoformat((iso(past.at) or "1970-01-01")[:10])
    rules = past.krypton.ledger.rules().known_at(past.position)
    asked = asked_of(past.views, together, past.erased(together), sight, rules.factors(day))
    asked = replace(asked, compare=comparison_by(rules, day).exposure)
    sealed = _erased(past, together, doses.subjects)
    dose = doses.dose(past.views, members, sealed, sight=sight, asked=asked)
    patient = {"patient": identities.patient(past.views, together, past.erased(together))}
    unread = {"unread": unread_of(past.views, together, sight, _erased(past, together, records.subjects))}
    return whose | {"identity": shown, "record": whose | patient | record, "dose": patient | dose | unread}


def _erased(past: Past, members: Collection[str], subjects: Callable[..., Iterable[str]]) -> set[str]:
    return past.erased({*members, *subjects(past.views, list(members))})


def _basis(past: Past, identity: str, answer: Document) -> Document:
    """What the answer is based on: number of events, those no view can read, and differences from the live views."""
    return {
        "events": len(past.stored),
        "aggregates": len({event.aggregate_id for event in past.stored}),
        "unread": list(past.unread),
        "differs_from_live": _differences(past, identity, answer),
    }


def _differences(past: Past, identity: str, answer: Document) -> list[str]:
    """The live views with history that disagree about that position: they lag or were altered."""
    members = identities.members(past.live, identity, past.position)
    sight = Withheld.of(past.identities, past.events).sight(_named(answer["members"]))
    dose = doses.dose(past.live, answer["members"], at_position=past.position, sight=sight)
    differs = {
        "identity_index": _named(members) != _named(answer["members"]),
        "cumulative_dose": _irradiated(dose) != _irradiated(answer["dose"]),
    }
    return [view for view, does in differs.items() if does]


def _named(members: Iterable[Document]) -> list[str]:
    return [member["identity"] for member in members]


def _irradiated(dose: Document) -> list[tuple[str, str]]:
    return sorted((one["irradiation_event_uid"], one["identity"]) for one in dose["exposures"])
