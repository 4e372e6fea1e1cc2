"""The fixed topics, beside the schemas that name them."""

from schemas.registry import registry
from streams.broker.topics import DEAD_LETTERS, PARTITIONS


def test_every_event_has_a_topic_with_a_fixed_partition_count() -> None:
    """A schema with a new topic needs a count here first."""
    assert registry().topics().keys() <= PARTITIONS.keys()


def test_dead_letters_are_no_part_of_the_ledger() -> None:
    """The relay never writes there, so it never looks for its checkpoint there."""
    assert DEAD_LETTERS not in registry().topics()


def test_links_have_one_total_order() -> None:
    """Merges and unmerges of overlapping pairs must be seen in the order they were decided."""
    assert PARTITIONS["krypton.links"] == 1
