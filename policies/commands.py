"""Builds the ledger commands that policies issue, from the names and bodies in the outbox."""

from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import UUID

from domain.commands.accesses import LapseEmergency
from domain.commands.conflicts import FindSharedEvent, ProposeSameStudy
from domain.commands.consents import ExpireCode, ExpireConsent
from domain.commands.doses import JudgePerson
from domain.commands.erasures import CarryOutErasure, NoteFollowed
from domain.commands.links import Merge, Propose, Unmerge
from domain.commands.orders import ExpireOrder
from domain.rules.document import MATCHING, RuleId
from domain.work import Command

Body = Mapping[str, Any]


def build(name: str, body: Body) -> Command:
    """The command of that name. Raises KeyError, TypeError or ValueError if the body does not fit."""
    return COMMANDS[name](body)


def _merge(body: Body) -> Command:
    return Merge(**_pair(body), **_evidence(body))


def _propose(body: Body) -> Command:
    return Propose(**_pair(body), **_evidence(body))


def _unmerge(body: Body) -> Command:
    rules = RuleId(MATCHING, body["rules"])
    held = f"{body['rule']} of version {body['rule_version']}"
    return Unmerge(
        **_pair(body),
        reason=f"no rule of {rules} holds the two one person any more; {held} did",
        rule=rules.kind,
        rule_version=rules.version,
    )


def _expire_consent(body: Body) -> Command:
    return ExpireConsent(identity=UUID(body["identity"]), statement=UUID(body["statement"]))


def _expire_code(body: Body) -> Command:
    return ExpireCode(identity=UUID(body["identity"]), code_id=UUID(body["code"]))


def _expire_order(body: Body) -> Command:
    return ExpireOrder(order=UUID(body["order"]))


def _lapse_emergency(body: Body) -> Command:
    return LapseEmergency(access=UUID(body["access"]))


def _pair(body: Body) -> dict[str, Any]:
    return {side: UUID(body[side]) for side in ("one", "other")}


def _evidence(body: Body) -> dict[str, Any]:
    return {
        "reason": f"{body['rule']} of {RuleId(MATCHING, body['rule_version'])}",
        "rule": body["rule"],
        "rule_version": body["rule_version"],
        "score": body["score"],
        "compared": list(body["compared"]),
    }


def _propose_same_study(body: Body) -> Command:
    return ProposeSameStudy(study=UUID(body["study"]), other=UUID(body["other"]))


def _find_shared_event(body: Body) -> Command:
    return FindSharedEvent(
        study=UUID(body["study"]), other=UUID(body["other"]), irradiation_event=body["irradiation_event"]
    )


def _carry_out_erasure(body: Body) -> Command:
    return CarryOutErasure(identity=UUID(body["identity"]), request=UUID(body["request"]))


def _note_followed(body: Body) -> Command:
    return NoteFollowed(identity=UUID(body["identity"]), part=body["part"], studies=list(body["studies"]))


def _judge_person(body: Body) -> Command:
    return JudgePerson(identity=UUID(body["identity"]), why=body["why"])


COMMANDS: Final[Mapping[str, Callable[[Body], Command]]] = {
    "merge": _merge,
    "propose": _propose,
    "propose_same_study": _propose_same_study,
    "find_shared_event": _find_shared_event,
    "unmerge": _unmerge,
    "expire_consent": _expire_consent,
    "expire_code": _expire_code,
    "expire_order": _expire_order,
    "lapse_emergency": _lapse_emergency,
    "carry_out_erasure": _carry_out_erasure,
    "note_followed": _note_followed,
    "judge_person": _judge_person,
}
