"""What an operator does about topics that hold records of somebody else: sees that it is said, stops all, recovers."""

from krypton.errors import ServiceUnavailable
from krypton.integrity.verify import Question, verify
from krypton.services.recover import recover
from krypton.views.following import problems
from streams.broker.topics import LEDGER
from tests.chaos.world import World
from tests.integration.live_ledger import LiveLedger, end_offsets
from tests.integration.proof_world import heads
from tests.waiting import until


def healed(world: World, ledger: LiveLedger) -> None:
    """Raises AssertionError, which says what was not said, or not repaired."""
    ours = world.ours
    names = sorted({planted.topic for planted in world.planted})
    records = sum(len(planted.kinds) for planted in world.planted)

    def relayed() -> bool:
        ((events,),) = ledger.query("SELECT count(*) FROM ledger.ledger_events")
        return bool(sum(end_offsets(ours.addresses.kafka, list(LEDGER)).values()) >= events + records)

    def said() -> bool:
        try:
            return set(names) <= {problem.part for problem in problems(ours)}
        except ServiceUnavailable:  # a broker of a busy machine
            return False

    until(relayed, "all events on Kafka beside the forged records")
    until(said, f"{names}: said to hold forged records")
    assert verify(ours, Question(heads(ours))).found, "audit verify names no forged record"
    world.stop()
    done = recover(ours, names, heads(ours), "system:chaos", lambda _: None, forged=False)
    assert not done.verdict.found, f"recover left {done.verdict.findings[0]}"
    world.begin()
