"""Benchmark of rebuilding the identity index (with matching rules) and the cumulative dose, two million events each.

Each uses its own region, in which only the view's topics are written.
"""

import os
from pathlib import Path

from bench.rebuilt import Rebuilt, rebuilt, region_of
from domain.commands.rules import PublishRules
from domain.rules.document import read_document
from domain.work import Envelope
from krypton.bootstrap import Krypton

EVENTS = int(os.environ.get("KRYPTON_BENCH_EVENTS", "2000000"))
MATCHING = Path(__file__).parents[1] / "rules" / "matching-2.json"


def identity_index(ours: Krypton, events: int = EVENTS) -> dict[str, float]:
    """In an empty ledger. With the keys of candidates that its rules call for."""
    ours.execute(PublishRules(document=read_document(MATCHING.read_text(), as_json=True)), Envelope("system:bench"))
    region_of(ours, events, ours.projection("identity_index").topics)
    return _figures(rebuilt(ours, "identity_index", "--rules", "matching@2"))


def cumulative_dose(ours: Krypton, events: int = EVENTS) -> dict[str, float]:
    """In an empty ledger."""
    region_of(ours, events, ours.projection("cumulative_dose").topics)
    one = rebuilt(ours, "cumulative_dose")
    with ours.snapshot() as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM cumulative_dose_v{one.version}.exposure")
        exposures = float(cursor.fetchone()[0])
    return _figures(one) | {
        "exposure rows": exposures,
        "exposure rows/s": exposures / one.seconds,
        "CPU per exposure, µs": one.cpu_s / exposures * 1e6,
    }


def _figures(one: Rebuilt) -> dict[str, float]:
    return {"events": one.events, "events/s": one.rate, "peak memory, MB": one.peak_mb}
