"""W2, W3: a task is done in a role of one's own that may do it; ``--as`` chooses, nobody claims another's."""

from uuid import UUID

import pytest

from domain.actors import Role
from domain.errors import BadActor, NotForRole, NotOnesOwn, OfAnother
from domain.tasks import TASKS
from krypton.cli.calling import Acting, chosen

DOCTOR, OTHER = "rpps:10101201233", "rpps:10101205671"
CLERK = "clerk:chb-desk"
ANNE = UUID("6f1c1c2e-0b1a-5c3e-9a0c-4b6a35d1e8f2")
DEVELOPER = ["operator:dev", "clerk:dev", "auditor:dev", "service:dev", "rpps:*", "patient:*"]


def test_without_as_the_first_of_ones_roles_that_may_do_it_acts() -> None:
    assert chosen("identity.merge", ["auditor:chb", DOCTOR, CLERK, "clerk:other"], None) == CLERK
    assert chosen("record.show", [CLERK, DOCTOR], None) == DOCTOR


def test_as_chooses_by_role_or_by_id() -> None:
    own = [DOCTOR, CLERK]
    assert chosen("identity.show", own, None) == DOCTOR
    assert chosen("identity.show", own, "clerk") == CLERK
    assert chosen("identity.show", own, "professional") == chosen("identity.show", own, "rpps") == DOCTOR
    assert chosen("identity.show", own, CLERK) == CLERK


@pytest.mark.parametrize("asked", [OTHER, "clerk:other", "auditor", f"patient:{ANNE}"])
def test_a_role_that_is_not_ones_own_is_refused(asked: str) -> None:
    with pytest.raises(NotOnesOwn, match=r"(not yours|no role auditor): yours are rpps:10101201233, clerk:chb-desk"):
        chosen("identity.show", [DOCTOR, CLERK], asked)


def test_a_role_that_may_not_do_the_task_is_refused_and_the_one_that_may_is_named() -> None:
    with pytest.raises(NotForRole) as refused:
        chosen("identity.merge", [DOCTOR, CLERK], DOCTOR)
    assert str(refused.value) == (
        "identity merge is not for the role professional: it is for clerk or service; choose with --as clerk:chb-desk"
    )


def test_whoever_has_no_role_for_it_is_told_who_has() -> None:
    with pytest.raises(NotForRole, match="order place is for professional or service, and yours are clerk:chb-desk"):
        chosen("order.place", [CLERK], None)
    with pytest.raises(NotForRole, match="record show is for professional or patient, and you have no role"):
        chosen("record.show", [], None)


def test_what_the_gate_decides_it_also_refuses_and_records() -> None:
    assert chosen("record.show", [CLERK], None) == chosen("record.show", [CLERK, DOCTOR], "clerk") == CLERK


def test_what_is_in_no_table_is_nobodys() -> None:
    with pytest.raises(NotForRole, match="is for nobody"):
        chosen("record.burn", DEVELOPER, None)


def test_no_name_is_repeated_that_was_given_for_an_id() -> None:
    with pytest.raises(BadActor) as refused:
        chosen("record.show", DEVELOPER, "Dr Jean Essai")
    assert "Jean" not in str(refused.value)


def test_a_developer_acts_as_the_patient_asked_about_and_as_any_professional_by_number() -> None:
    assert chosen("record.show", DEVELOPER, None) == "patient:*"
    assert Acting("patient:*").caller("essai", ANNE).actor == f"patient:{ANNE}"
    assert chosen("record.show", DEVELOPER, DOCTOR) == DOCTOR
    with pytest.raises(NotOnesOwn, match="choose with --as rpps:<number>"):
        chosen("access.open", DEVELOPER, None)
    with pytest.raises(NotOnesOwn, match="choose with --as patient:<uuid"):
        Acting("patient:*").actor()


def test_a_professional_orders_and_reads_under_their_own_number() -> None:
    assert Acting(DOCTOR).number(None) == Acting(DOCTOR).number(DOCTOR) == DOCTOR.removeprefix("rpps:")
    assert Acting("service:ris").number("10101205671") == Acting("service:ris").number(OTHER) == "10101205671"
    for acting, stated in ((Acting(DOCTOR), OTHER), (Acting("service:ris"), None)):
        with pytest.raises(OfAnother):
            acting.number(stated)


def test_a_patient_speaks_of_their_own_person_alone_and_a_clerk_of_anybody() -> None:
    member = UUID(int=3)
    anne = Acting(f"patient:{ANNE}")
    assert anne.statement_about(member, {str(ANNE), str(member)}) == f"patient:{ANNE}"
    with pytest.raises(OfAnother):
        anne.statement_about(member, {str(member)})
    assert Acting(CLERK).statement_about(member, {str(member)}) == CLERK
    assert Acting("patient:*").statement_about(member, set()) == f"patient:{member}"


def test_operators_and_auditors_read_no_ones_record_and_every_role_has_something_to_do() -> None:
    for task in ("record.show", "dose.show", "order.show"):
        assert TASKS[task] == {Role.PROFESSIONAL, Role.PATIENT}
    assert {role for roles in TASKS.values() for role in roles} == {*Role}
