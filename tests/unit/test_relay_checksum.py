"""The checksum that the relay's records bear."""

from aiokafka.record.util import calc_crc32c
from hypothesis import given
from hypothesis.strategies import binary
from kafka.record._crc32c import crc as crc_of_kafka_python
from kafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder

from streams.relay.checksum import use_compiled


@given(binary(max_size=300))
def test_the_compiled_checksum_is_the_one_of_kafka_python(data: bytes) -> None:
    """A broker refuses a batch with any other."""
    assert calc_crc32c(memoryview(bytearray(data))) == crc_of_kafka_python(data)


def test_a_batch_built_with_it_checks_out() -> None:
    """kafka-python really takes it."""
    use_compiled()
    builder = DefaultRecordBatchBuilder(2, 0, False, -1, -1, -1, 10_000)
    builder.append(0, 1_767_600_000_000, b"key", b"value", [])
    assert DefaultRecordBatch(builder.build()).validate_crc()
