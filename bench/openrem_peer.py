"""Imports dose reports into OpenREM, in its own environment: ``python openrem_peer.py FILE...``; prints one JSON line.

Run by ``bench.dose_visible`` with the peer's Python; its settings come from the environment. Only the import is timed.
"""

import json
import sys
import time
from importlib.util import find_spec
from pathlib import Path

PACKAGE = find_spec("openrem")
assert PACKAGE is not None
assert PACKAGE.submodule_search_locations
sys.path.insert(0, PACKAGE.submodule_search_locations[0])  # its modules name each other from there

import django  # type: ignore[import-not-found]  # of its environment  # noqa: E402
from django.core.management import call_command  # type: ignore[import-not-found]  # noqa: E402

django.setup()
call_command("makemigrations", "remapp", verbosity=0)
call_command("migrate", verbosity=0)

from remapp import models  # type: ignore[import-not-found]  # noqa: E402
from remapp.extractors.rdsr import rdsr  # type: ignore[import-not-found]  # noqa: E402

models.PatientIDSettings.objects.get_or_create(pk=1)
failed = 0
begun = time.perf_counter()
for name in sys.argv[1:]:
    try:
        rdsr(str(Path(name)))
    except Exception:
        failed += 1
seconds = time.perf_counter() - begun
events = models.IrradEventXRayData.objects.count() + models.CtIrradiationEventData.objects.count()
print(json.dumps({"events": events, "seconds": seconds, "failed": failed}))
