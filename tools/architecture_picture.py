"""``python -m tools.architecture_picture``: draws ``docs/architecture.svg``; a test checks that it is current.

Boxes are processes, stores and people; a number is a step of one fact's path, as ``docs/architecture.md`` tells it; a
dashed frame is a trust boundary. Lengths are pixels.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "architecture.svg"
WIDTH, HEIGHT = 960, 764
LINE = 15  # between the lines of a box
FILLS = {"people": "#fff4d6", "process": "#e3efff", "store": "#e4f5e4", "key": "#fde3e3"}


@dataclass(frozen=True)
class Box:
    """A process, a store, or people: its title, then lines of small print."""

    kind: str
    x: int
    y: int
    width: int
    height: int
    title: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class Zone:
    """What one party controls: within it nobody checks anybody."""

    x: int
    y: int
    width: int
    height: int
    title: str


@dataclass(frozen=True)
class Arrow:
    """From the first point to the last; ``label`` stands at ``at``, ``step`` in a circle at its start."""

    points: tuple[tuple[int, int], ...]
    label: str = ""
    at: tuple[int, int] = (0, 0)
    step: int = 0
    circle: tuple[int, int] = (0, 0)


ZONES = (
    Zone(14, 40, 186, 708, "Hospitals and people"),
    Zone(222, 40, 272, 222, "Krypton: deciding"),
    Zone(510, 40, 228, 222, "PostgreSQL"),
    Zone(222, 276, 516, 92, "Krypton: publishing"),
    Zone(222, 382, 516, 92, "Kafka"),
    Zone(222, 488, 272, 260, "Krypton: answering"),
    Zone(510, 488, 228, 260, "PostgreSQL, the same server"),
    Zone(760, 40, 186, 708, "Others"),
)
BOXES = (
    Box("people", 28, 72, 158, 50, "Modality, PACS", ("DICOM C-STORE",)),
    Box("people", 28, 136, 158, 66, "Files", ("DICOM folders, discs,", "lists of people (CSV)")),
    Box(
        "people",
        28,
        636,
        158,
        96,
        "People who ask",
        ("professional, patient,", "clerk, operator, auditor:", "known by the login of", "their machine"),
    ),
    Box(
        "process",
        236,
        72,
        244,
        66,
        "DICOM service, imports",
        ("kept on disk, then answered;", "then one command per study"),
    ),
    Box(
        "process",
        236,
        166,
        244,
        80,
        "Commands (domain/)",
        ("decide by numbered rules, or refuse;", "events and command id are stored", "in one transaction"),
    ),
    Box("store", 524, 72, 200, 66, "vault", ("a key per person, wrapped", "by the master key")),
    Box(
        "store",
        524,
        166,
        200,
        80,
        "ledger",
        ("the event store: every event", "has a position in ONE total", "order; names are sealed"),
    ),
    Box("process", 236, 308, 200, 48, "Relay", ("copies the bytes, in order",)),
    Box("process", 524, 308, 200, 48, "Notary", ("signs the tree of events",)),
    Box(
        "store",
        236,
        414,
        488,
        48,
        "Topics krypton.<family>",
        ("immutable, kept for ever; names are sealed, ids are pseudonyms",),
    ),
    Box(
        "process",
        236,
        516,
        244,
        56,
        "Workers (Faust, guarded)",
        ("fold events into rows; rows and", "position in one transaction"),
    ),
    Box(
        "process", 236, 584, 244, 56, "Policies", ("read events likewise; an outbox of", "commands, each executed once")
    ),
    Box(
        "process",
        236,
        656,
        244,
        78,
        "Gate and queries",
        ("decide and record the access;", "then read; leave out what is", "excluded, opposed or withheld"),
    ),
    Box(
        "store",
        524,
        520,
        200,
        212,
        "views",
        ("one schema per view and", "version; disposable, rebuilt", "from Kafka at will;", "names are readable here"),
    ),
    Box(
        "key",
        774,
        72,
        158,
        80,
        "Keys, in files",
        ("master key of the vault,", "signing key of the log;", "backed up apart"),
    ),
    Box("store", 774, 300, 158, 66, "Tiles", ("the signed tree as files;", "may be given out")),
    Box("people", 774, 400, 158, 80, "Subscribers", ("own login, own topics,", "read only: they see", "pseudonyms")),
    Box("people", 774, 530, 158, 66, "Witnesses", ("keep checkpoints, check", "proofs without Krypton")),
)
ARROWS = (
    Arrow(((186, 98), (236, 98)), step=1, circle=(209, 98)),
    Arrow(((186, 170), (209, 170), (209, 122), (236, 122))),
    Arrow(((358, 138), (358, 166)), step=2, circle=(338, 152)),
    Arrow(((480, 206), (524, 206)), step=3, circle=(500, 206)),
    Arrow(((480, 180), (502, 180), (502, 106), (524, 106)), "seal", (505, 158)),
    Arrow(((774, 106), (724, 106))),
    Arrow(((560, 246), (560, 269), (410, 269), (410, 308)), step=4, circle=(410, 276)),
    Arrow(((624, 246), (624, 308))),
    Arrow(((410, 356), (410, 414)), step=5, circle=(410, 378)),
    Arrow(((624, 356), (624, 414)), "checkpoints", (630, 403)),
    Arrow(((724, 333), (774, 333))),
    Arrow(((724, 438), (774, 438))),
    Arrow(((853, 366), (853, 384), (940, 384), (940, 563), (932, 563))),
    Arrow(((410, 462), (410, 516)), step=6, circle=(410, 486)),
    Arrow(((236, 612), (216, 612), (216, 228), (236, 228))),
    Arrow(((480, 545), (524, 545)), step=7, circle=(500, 545)),
    Arrow(((186, 674), (236, 674)), step=8, circle=(209, 674)),
    Arrow(((524, 694), (480, 694))),
    Arrow(((236, 714), (186, 714)), step=9, circle=(209, 714)),
)


def page() -> str:
    """The whole picture."""
    return "\n".join([*_head(), *_zones(), *_arrows(), *_boxes(), *_steps(), "</svg>", ""])


def _head() -> Iterator[str]:
    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
    yield ' font-family="Helvetica, Arial, sans-serif" font-size="13" fill="#1b1b1b" role="img">'
    yield "<title>Krypton: processes and stores, the path of one fact, trust boundaries</title>"
    yield '<defs><marker id="tip" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
    yield '<path d="M0 0L8 4L0 8z" fill="#444"/></marker></defs>'
    yield f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>'
    yield _text(14, 24, "Krypton: one fact's path (1 to 9). Dashed frames are trust boundaries.", weight="bold")


def _zones() -> Iterator[str]:
    for zone in ZONES:
        yield _rect(zone.x, zone.y, zone.width, zone.height, 'fill="none" stroke="#b33" stroke-dasharray="6 4" rx="8"')
        yield _text(zone.x + 10, zone.y + 19, zone.title, colour="#b33", weight="bold")


def _boxes() -> Iterator[str]:
    for box in BOXES:
        yield _rect(box.x, box.y, box.width, box.height, f'fill="{FILLS[box.kind]}" stroke="#444" rx="5"')
        yield _text(box.x + 10, box.y + 20, box.title, weight="bold")
        for place, line in enumerate(box.lines, 1):
            yield _text(box.x + 10, box.y + 20 + place * LINE, line, size=11.5)


def _arrows() -> Iterator[str]:
    for arrow in ARROWS:
        path = " ".join(f"{x},{y}" for x, y in arrow.points)
        yield f'<polyline points="{path}" fill="none" stroke="#444" stroke-width="1.4" marker-end="url(#tip)"/>'
        if arrow.label:
            yield _text(*arrow.at, arrow.label, size=11.5, colour="#444")


def _steps() -> Iterator[str]:
    for arrow in ARROWS:
        if arrow.step:
            x, y = arrow.circle
            yield f'<circle cx="{x}" cy="{y}" r="10" fill="#205493"/>'
            yield _text(x, y + 4, str(arrow.step), size=12, colour="#fff", weight="bold", anchor="middle")


def _rect(x: int, y: int, width: int, height: int, style: str) -> str:
    return f'<rect x="{x}" y="{y}" width="{width}" height="{height}" {style}/>'


def _text(
    x: int,
    y: int,
    text: str,
    *,
    size: float = 13,
    colour: str = "#1b1b1b",
    weight: str = "normal",
    anchor: str = "start",
) -> str:
    style = f'font-size="{size}" fill="{colour}" font-weight="{weight}" text-anchor="{anchor}"'
    return f'<text x="{x}" y="{y}" {style}>{escape(text)}</text>'


if __name__ == "__main__":
    PAGE.write_text(page())
