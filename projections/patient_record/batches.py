"""How a study grows by a batch: asked by the view, and by readers that do not load the view's tables."""

from collections.abc import Mapping
from typing import Any

Data = Mapping[str, Any]


def grown(held: Data, batch: Data) -> dict[str, Any]:
    """Modalities, series and instances with those of one batch added."""
    series = dict(held["series"])
    for new in batch["series"]:
        uid, modality, instances = new["series_uid"], new["modality"], new["instances"]
        if known := series.get(uid):
            modality, instances = modality or known["modality"], known["instances"] + instances
        series[uid] = {"modality": modality, "instances": instances}
    return {
        "modalities": sorted({*held["modalities"], *batch["modalities"]}),
        "series": series,
        "instances": held["instances"] + batch["instances"],
    }
