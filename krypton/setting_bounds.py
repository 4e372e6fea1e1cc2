"""Which settings are numbers, and within which bounds. A field is set by KRYPTON_ and its name."""

from collections.abc import Mapping
from typing import Any, Final

from krypton import setting_values as values
from projections.versions.bounds import LEAST_MIB

WHOLE: Final[Mapping[str, int]] = {
    **dict.fromkeys(("dicom_port", "hl7_port", "web_port", "registry_port", "health_port"), 65_535),
    **dict.fromkeys(("dicom_associations", "dicom_associations_per_ae", "dicom_associations_per_address"), 10_000),
    **dict.fromkeys(("dicom_waiting", "dicom_waiting_per_address", "other_connections"), 10_000),
    **dict.fromkeys(("hl7_connections", "hl7_connections_per_address", "web_connections"), 10_000),
    **dict.fromkeys(("dicom_rate", "dicom_connection_rate", "web_rate", "relay_batch", "worker_batch"), 100_000),
    **dict.fromkeys(
        ("dicom_instance_mib", "dicom_inflated_mib", "dicom_header_mib", "hl7_message_kib", "rebuild_mib"), 1_048_576
    ),
    "replication": 9,
    "scrub_mib_s": 10_000,
}
"""Fields that are whole numbers from 1, and the most that each may be."""
LEAST: Final[Mapping[str, int]] = {"rebuild_mib": LEAST_MIB, "scrub_mib_s": 0}
"""Those of them that are not below another number."""
SECONDS: Final = (
    "clock_bound_s",
    "batch_quiet_s",
    "region_age_s",
    "dicom_request_s",
    *(f"{s}_{t}_s" for s in ("dicom", "hl7") for t in ("unfinished", "idle")),
)
"""Fields that are seconds, set alike."""


def numbers(given: Mapping[str, str], defaults: object) -> dict[str, Any]:
    """All of them by field: as given, else as ``defaults`` has that field. Raises SettingsWrong."""
    whole = {
        name: values.whole(given, values.variable(name), getattr(defaults, name), LEAST.get(name, 1), most)
        for name, most in WHOLE.items()
    }
    return whole | {name: values.seconds(given, values.variable(name), getattr(defaults, name)) for name in SECONDS}
