"""Makes the pages around the viewer: what is wrong, in words."""

from http import HTTPStatus
from typing import Final

from starlette.responses import Response

from krypton.faces.look.page import PAGES, PATH, own
from krypton.faces.templates import templates

CSP: Final = (
    "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def page(title: str, text: str, *, rule: str = "", back: str = "", status: int = HTTPStatus.OK) -> Response:
    """A page with one message. ``back``: where it may go on."""
    style = f"{PATH}/{own('css')[0]}"
    made = (
        templates(PAGES).get_template("message.html").render(title=title, text=text, rule=rule, back=back, style=style)
    )
    return Response(made, status, {"content-security-policy": CSP}, "text/html")
