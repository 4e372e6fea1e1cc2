"""Makes the page of quick look: all of it is there without a script; ours makes paging smooth."""

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final
from urllib.parse import urlencode

from starlette.responses import Response

from domain.errors import NotFound
from krypton.faces.look.series import AS_STORED, LARGE, SMALL, Series, Shown
from krypton.faces.templates import templates
from krypton.faces.told_of import told_of
from krypton.queries.glance import Glance
from schemas.event import ERASED

PATH: Final = "/look"
PAGES: Final = "krypton.faces.look"
"""Where its templates, script and style are."""
CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
TYPES: Final = {"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8"}
QUANTITIES: Final = (
    ("ctdivol_mgy", "CTDIvol", "mGy"),
    ("dlp_mgycm", "DLP", "mGy·cm"),
    ("dap_mgycm2", "DAP", "mGy·cm²"),
    ("dose_rp_mgy", "Dose at the reference point", "mGy"),
    ("agd_mgy", "Average glandular dose", "mGy"),
    ("activity_mbq", "Activity", "MBq"),
)
SEXES: Final = {"F": "female", "M": "male", "I": "undetermined", ERASED: ERASED}
UNKNOWN_SEX: Final = "not known"
Query = Mapping[str, Sequence[str]]


@cache
def own(kind: str) -> tuple[str, bytes]:
    """Our script or style: its name, which changes with what is in it, and its bytes."""
    data = (files(PAGES) / "pages" / f"look.{kind}").read_bytes()
    return f"look.{hashlib.sha256(data).hexdigest()[:16]}.{kind}", data


def page(path: str, glance: Glance, found: Shown, query: Query) -> Response:
    """The page. ``path``: where it is. Raises NotFound: the study has no such series."""
    context = {
        "path": path,
        "base": f"{PATH}/",
        "script": own("js")[0],
        "style": own("css")[0],
        "told": glance.told,
        "missing": glance.missing,
        "name": _name(glance.told["patient"]),
        "sex": SEXES.get(glance.told["patient"].get("sex"), UNKNOWN_SEX),
        "doses": doses(glance.told["exposures"]),
        "alerts": [_alert(one) for one in glance.told["alerts"]],
        "reports": found.reports,
        "papers": found.papers,
        "series": [_choice(path, one) for one in found.series],
        "chosen": chosen(path, found.series, query) if found.series else None,
    }
    text = templates(PAGES).get_template("look.html").render(context)
    return Response(text, media_type="text/html", headers={"content-security-policy": CSP})


def chosen(path: str, series: Sequence[Series], query: Query) -> dict[str, Any]:
    """The picture that is asked for, and where the others are. Raises NotFound."""
    uid = _one(query, "series") or series[0].uid
    found = next((one for one in series if one.uid == uid), None)
    if found is None:
        raise NotFound("the study has no such series with images")
    window = _one(query, "window")
    window = window if window in found.windows else AS_STORED
    number = _number(_one(query, "image"), found)

    def at(other: int, preset: str = window) -> str:
        return f"{path}?{urlencode({'series': uid, 'image': other, 'window': preset})}#image"

    return {
        "pictures": found,
        "number": number,
        "window": window,
        "address": found.address(number, LARGE, found.windows[window][1]),
        "first": at(1),
        "previous": at(number - 1) if number > 1 else "",
        "next": at(number + 1) if number < found.count else "",
        "last": at(found.count),
        "windows": [
            {"name": name, "label": label, "href": at(number, name), "on": name == window}
            for name, (label, _) in found.windows.items()
        ],
    }


def doses(exposures: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each irradiation event with what is known of it."""
    return [
        {
            "protocol": one.get("protocol") or "Irradiation",
            "quantities": [
                (label, f"{one[name]:g} {unit}") for name, label, unit in QUANTITIES if one.get(name) is not None
            ],
        }
        for one in exposures
    ]


def _alert(one: Mapping[str, Any]) -> dict[str, Any]:
    """An alert, by the reference that its mail has: what it is for, and whom it told of."""
    measured = {name: (label, unit) for name, label, unit in QUANTITIES}
    about = one["kind"].replace("_", " ")
    if one["quantity"] in measured:
        label, unit = measured[one["quantity"]]
        about = label if one["value"] is None else f"{label} {one['value']:g} {unit}"
    told = {name: one[name] for name in ("alert", "state")}
    return {**told, "raised": one["raised_at"][:10], "about": about, "person": told_of(one)}


def _choice(path: str, one: Series) -> dict[str, Any]:
    href = f"{path}?{urlencode({'series': one.uid, 'image': one.key})}#image"
    return {"uid": one.uid, "label": one.label, "count": one.count, "href": href, "key": one.address(one.key, SMALL)}


def _name(patient: Mapping[str, Any]) -> str:
    return " ".join(filter(None, (patient.get("family"), patient.get("given")))) or "Unknown"


def _one(query: Query, name: str) -> str:
    found = query.get(name, [])
    return found[0] if len(found) == 1 else ""


def _number(stated: str, found: Series) -> int:
    """Within the series; its key image where none is asked for."""
    if not stated.isascii() or not stated.isdigit() or len(stated) > 7:
        return found.key
    return min(max(int(stated), 1), found.count)
