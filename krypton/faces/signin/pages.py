"""Pages of sign-in: text, links and forms, made by the service; nothing in them runs."""

from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import Response

from krypton.faces.http.problem import Problem

FOLDER: Final = Path(__file__).parent / "pages"
STYLE: Final = "/pages/style.css"
CSP: Final = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
"""Nothing runs, nothing is loaded but our style, and forms go nowhere else."""


class Pages:
    """Makes them. Safe to share between threads."""

    def __init__(self) -> None:
        self._made = Environment(loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined)

    def page(self, name: str, status: int = HTTPStatus.OK, *, goes_to: str = "", **given: Any) -> Response:
        """A page by its file. ``goes_to``: another origin to which its form leads."""
        body = self._made.get_template(f"{name}.html").render(style=STYLE, **given)
        return Response(body, status, self._headers(goes_to), "text/html; charset=utf-8")

    def problem(self, found: Problem) -> Response:
        """What is wrong, for who navigates."""
        title = HTTPStatus(found.status).phrase
        answer = self.page("problem", found.status, title=title, detail=found.detail, rule=found.rule)
        answer.headers.update({name: value for name, value in found.headers.items() if name != "WWW-Authenticate"})
        return answer

    def style(self) -> Response:
        """How they look."""
        return Response(
            (FOLDER / "style.css").read_bytes(), media_type="text/css", headers={"Cache-Control": "max-age=3600"}
        )

    def _headers(self, goes_to: str) -> Mapping[str, str]:
        """Within this service a browser says from where it comes: without that it tells no origin of a form either."""
        return {"Content-Security-Policy": f"{CSP} {goes_to}".rstrip(), "Referrer-Policy": "same-origin"}
