"""Connections to PostgreSQL stay within the budget of each process, whoever calls and however often."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice

import pytest
from pynetdicom import AE, evt
from pynetdicom.sop_class import Verification

from krypton.services.budget import BUDGETS
from postgres import limits
from tests.fakes.dicom import Heard, no_delay
from tests.integration.live_cli import AE_TITLE, Region, region

__all__ = ["region"]
pytestmark = pytest.mark.live

IN_SEQUENCE, AT_ONCE = 300, 100


def held(region: Region) -> Counter[str]:
    """Connections by process, as PostgreSQL counts them; a command's are its purposes."""
    with region.krypton.snapshot() as connection:
        found = limits.holders(connection)
    by_process: Counter[str] = Counter()
    for name, count in found.items():
        by_process[name.removeprefix("krypton ").split(":")[0]] += count
    return by_process


def of_processes(region: Region) -> Counter[str]:
    """Without those of commands, which come and go."""
    return Counter({name: count for name, count in held(region).items() if name in BUDGETS})


def call(region: Region, calling: str) -> str:
    """One association from its request to its end."""
    entity = AE(calling)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = entity.connection_timeout = 60
    entity.add_requested_context(Verification)
    heard = Heard()
    handlers = [(evt.EVT_CONN_OPEN, no_delay), (evt.EVT_PDU_RECV, heard)]
    association = entity.associate("127.0.0.1", region.dicom_port, ae_title="KRYPTON", evt_handlers=handlers)
    if association.is_established:
        assert association.send_c_echo().Status == 0
        association.release()
        return "let in"
    return "rejected" if heard.rejection else "ended"


@pytest.fixture
def ref(region: Region) -> str:
    """Somebody whose record is asked for meanwhile."""
    return region.register()


def asked_meanwhile(region: Region, ref: str, calls: Callable[[], list[str]]) -> list[str]:
    """What the calls came to; the record is shown again and again until they are over."""
    with ThreadPoolExecutor(1) as thread:
        under_way = thread.submit(calls)
        shown = 0
        while not under_way.done() or not shown:
            region.ask("record", "show", ref)
            shown += 1
        return under_way.result()


def test_each_process_keeps_within_its_budget(region: Region, ref: str) -> None:
    region.settle()  # so that each has had something to do
    found = of_processes(region)
    assert found.keys() >= {"relay", "policies", "worker"}
    workers = found.pop("worker")
    assert workers <= 4 * BUDGETS["worker"].most
    assert {name: count for name, count in found.items() if count > BUDGETS[name].most} == {}


def test_callers_one_after_another_leave_no_connection_behind(region: Region, ref: str) -> None:
    """About 85 of them ended the whole ledger: each left a connection."""
    callers = list(islice(cycle([AE_TITLE, "STRANGER"]), IN_SEQUENCE))
    came_to = asked_meanwhile(region, ref, lambda: [call(region, caller) for caller in callers])
    assert [end == "let in" for end in came_to] == [caller == AE_TITLE for caller in callers]
    assert held(region)["dicom"] <= BUDGETS["dicom"].most


def test_callers_all_at_once_take_no_more_than_the_budget(region: Region, ref: str) -> None:
    callers = [AE_TITLE if number % 2 else f"STRANGER{number}" for number in range(AT_ONCE)]

    def all_at_once() -> list[str]:
        with ThreadPoolExecutor(AT_ONCE) as threads:
            return list(threads.map(lambda caller: call(region, caller), callers))

    came_to = asked_meanwhile(region, ref, all_at_once)
    assert "let in" not in {end for caller, end in zip(callers, came_to, strict=True) if caller != AE_TITLE}
    assert held(region)["dicom"] <= BUDGETS["dicom"].most
    assert call(region, AE_TITLE) == "let in"


def test_a_process_does_not_start_where_the_budget_is_more_than_the_server_lets_in(region: Region) -> None:
    greedy = Region(region.home, (*region.settings, ("KRYPTON_OTHER_CONNECTIONS", "500")))
    for words in ("relay", "dicom serve"):  # each begins the same way: tests/unit/test_connection_budget.py
        said = greedy.run_apart(*words.split())
        assert (said.code, "raise its max_connections by" in said.err) == (2, True), said.err
