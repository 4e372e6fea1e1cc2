"""What a client has already, and which bytes it asks for. Source: RFC 9110 13.1.2 (If-None-Match), 14 (ranges)."""

from http import HTTPStatus

from starlette.responses import Response

from krypton.faces.http.problem import Problem


def ranged(stated: str, length: int) -> tuple[int, int] | None:
    """First byte and number of bytes that a Range header asks for; None: of all, or in a way that is not given here.

    Raises Problem 416.
    """
    unit, _, asked = stated.partition("=")
    first, dash, last = asked.strip().partition("-")
    numbers = [one for one in (first.strip(), last.strip()) if one]
    if unit.strip().lower() != "bytes" or not dash or not numbers or not all(map(_is_number, numbers)):
        return None
    if not first.strip():
        start, end = max(0, length - int(last)), length
    else:
        start, end = int(first), min(length, int(last) + 1) if last.strip() else length
        if last.strip() and int(last) < start:
            return None
    if start >= length or start >= end:
        raise Problem(
            HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
            f"there are {length} bytes",
            headers={"Content-Range": f"bytes */{length}"},
        )
    return start, end - start


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18


def matches(stated: str, etag: str) -> bool:
    """Whether an If-None-Match header names what would be sent."""
    return any(one.strip().removeprefix("W/") in ("*", etag) for one in stated.split(",")) if stated else False


def unchanged(etag: str) -> Response:
    """What the client has is what would be sent."""
    return Response(None, HTTPStatus.NOT_MODIFIED, {"ETag": etag})
