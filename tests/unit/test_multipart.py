"""A multipart body is read the same however it is cut into pieces; what is not quite one is refused."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krypton.faces.dicomweb.multipart import Malformed, Multipart, media_type

BOUNDARY = b"fictitious"


class Parts:
    """What came in: headers and bodies, and how many were given up."""

    def __init__(self) -> None:
        self.came: list[tuple[dict[str, str], bytes]] = []
        self.given_up = 0

    def begin(self, headers: Mapping[str, str]) -> "One":
        return One(self, dict(headers))


class One:
    def __init__(self, parts: Parts, headers: dict[str, str]) -> None:
        self._parts, self._headers, self._body = parts, headers, b""

    def write(self, data: memoryview) -> None:
        self._body += bytes(data)

    def end(self) -> None:
        self._parts.came.append((self._headers, self._body))

    def discard(self) -> None:
        self._parts.given_up += 1


def read(body: bytes, piece: int = 1 << 20) -> Parts:
    parts = Parts()
    reader = Multipart(BOUNDARY, parts.begin)
    for at in range(0, len(body), piece):
        reader.feed(body[at : at + piece])
    reader.end()
    return parts


WHOLE = (
    b"preamble\r\n--fictitious\r\nContent-Type: application/dicom\r\nX-Other:  a: b \r\n\r\none\r\n--fictitiou\r\n-\r\n"
    b"--fictitious \t\r\n\r\ntwo\r\n--fictitiousX\r\n\r\r\n--fictitious\r\nContent-Type: a/b\r\n\r\n\r\n--fictitious"
    b"\r\n\r\n--fictitious--\r\nepilogue\r\n--fictitious\r\n\r\nnone\r\n--fictitious--"
)
EXPECTED = [
    ({"content-type": "application/dicom", "x-other": "a: b"}, b"one\r\n--fictitiou\r\n-"),
    ({}, b"two\r\n--fictitiousX\r\n\r"),
    ({"content-type": "a/b"}, b""),
    ({}, b""),
]


@pytest.mark.parametrize("piece", [*range(1, 90), len(WHOLE)])
def test_a_body_is_the_same_in_pieces_of_any_size(piece: int) -> None:
    assert read(WHOLE, piece).came == EXPECTED


BODIES = st.lists(
    st.lists(st.sampled_from([b"\r", b"\n", b"-", b"--", b"--fictitious", b"\r\n--fict", b"x", b"\0"]), max_size=8).map(
        b"".join
    ),
    max_size=4,
)


@given(bodies=BODIES, piece=st.integers(1, 40))
def test_whatever_a_part_holds_comes_out_as_it_went_in(bodies: list[bytes], piece: int) -> None:
    mark = b"\r\n--fictitious"
    bodies = [one for one in bodies if mark not in b"\r\n" + one + b"\r\n"]
    made = b"".join(b"--fictitious\r\n\r\n" + one + b"\r\n" for one in bodies) + b"--fictitious--"
    assert [body for _, body in read(made, piece).came] == bodies


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "it holds no part"),
        (b"--other\r\n\r\nx\r\n--other--", "it holds no part"),
        (b"x" * 70_000, "is not in it"),
        (b"--fictitious\r\n\r\nx", "ends within part 1"),
        (b"--fictitious\r\n\r\nx\r\n--fictitious", "ends within part 1"),
        (b"--fictitious\r\n\r\nx\r\n--fictitious-", "ends within part 1"),
        (b"--fictitious\r\nContent-Type: a/b", "it holds no part"),
        (b"--fictitious\r\n" + b"X: y\r\n" * 5_000, "no end"),
    ],
)
def test_what_is_no_multipart_body_is_refused(body: bytes, says: str) -> None:
    for piece in (1_000, 1 << 20):
        with pytest.raises(Malformed, match=says):
            read(body, piece)


@pytest.mark.parametrize("more", [b"\r\n--fictitiousX", b"\r\n--fictitious\r\n\r\nx"], ids=["near", "short parts"])
def test_a_body_of_delimiters_is_not_copied_for_each_of_them(more: bytes) -> None:
    """What it costs to read it would else be the square of its length."""
    read_from = list[object]()

    class Seen(One):
        def write(self, data: memoryview) -> None:
            read_from.append(data.obj)

    reader = Multipart(BOUNDARY, lambda headers: Seen(Parts(), dict(headers)))
    reader.feed(b"--fictitious\r\n\r\nx" + more * 200)
    reader.discard()
    assert len(read_from) >= 200
    assert len({id(one) for one in read_from}) == 1


def test_a_part_that_does_not_come_whole_is_given_up_once() -> None:
    parts = Parts()
    reader = Multipart(BOUNDARY, parts.begin)
    reader.feed(b"--fictitious\r\n\r\none\r\n--fictitious\r\n\r\ntw")
    reader.discard()
    reader.discard()
    assert (len(parts.came), parts.given_up) == (1, 1)


@pytest.mark.parametrize(
    ("value", "kind", "said"),
    [
        ('a/b; boundary="x;y"; type="c/d"', "a/b", {"boundary": "x;y", "type": "c/d"}),
        ("A/B;Boundary=x;TYPE=c/d", "a/b", {"boundary": "x", "type": "c/d"}),
        ("a/b; boundary*=utf-8''x%20y", "a/b", {"boundary": "x y"}),
        ("a/b; boundary*=x; boundary*0=y", "a/b", {}),
        (f"a/b; boundary*{'9' * 5_000}=x", "a/b", {}),
        ("a/b; boundary*=undefined''x", "a/b", {}),
        ("a/b; boundary*=x%00y''x", "a/b", {}),
        ("", "text/plain", {}),
        (";;;", "text/plain", {}),
    ],
)
def test_a_media_type_is_read_as_it_is_meant(value: str, kind: str, said: dict[str, str]) -> None:
    found, parameters = media_type(value)
    assert (found, {name: said for name, said in parameters.items() if name}) == (kind, said)
