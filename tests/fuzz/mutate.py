"""Changes to bytes, numbers and texts that tend to break readers."""

from collections.abc import Sequence
from random import Random
from typing import Final

LENGTHS: Final = (0, 1, 2, 3, 7, 8, 127, 128, 255, 256, 32_767, 32_768, 65_534, 65_535, 2**31 - 1, 2**31, 2**32 - 2)
LONGEST: Final = 1_000_000  # bytes of an input
ODD_TEXTS: Final = (
    "",
    " ",
    "\0",
    "a\0b",
    "\n",
    "\r\n",
    "\\",
    "^",
    "=",
    "é",
    "Ã©",
    "\u00b5Gy",
    "\u0661\u0662",
    "²",
    "\ud7ff",
    "\U0001f480",
    "0",
    "-0",
    "-1",
    "+1",
    "00",
    "1e308",
    "1e309",
    "-1e400",
    "1e-400",
    "NaN",
    "nan",
    "Infinity",
    "-inf",
    "1_0",
    "0x10",
    "1,5",
    "1.5.2",
    "9" * 20,
    "9" * 400,
    "9" * 5_000,
    ".5",
    "5.",
    "1 2",
    "1\\2",
    "..",
    "../../x",
    "1." + "2" * 70,
    "20260230",
    "00000000",
    "99991231235959.999999+1400",
    "2026-01-05",
    "x" * 70,
    "x" * 1_100,
    "y" * 70_000,
    "\x1b$B\x1b(B",
    "\x1b",
    "%s%n",
    "{}",
    "'; --",
    "<a>",
    "\u202e",
    "a\u0300" * 40,
)


def havoc(given: bytes, other: bytes, random: Random) -> bytes:
    """A change of bytes: flipped, cut, doubled, inserted, joined with another input's, a length made wrong."""
    if not given:
        return random.randbytes(random.randint(1, 40))
    at = random.randrange(len(given))
    end = min(len(given), at + random.choice((1, 2, 4, 8, 30, 200, 3_000)))
    match random.randrange(9):
        case 0:
            return given[:at] + bytes((given[at] ^ 1 << random.randrange(8),)) + given[at + 1 :]
        case 1:
            return given[:at]
        case 2:
            return given[:at] + given[end:]
        case 3:
            return (given[:end] + given[at:end] * random.choice((1, 2, 20)) + given[end:])[:LONGEST]
        case 4:
            return given[:at] + random.randbytes(random.choice((1, 2, 4, 30))) + given[at:]
        case 5:
            start = random.randrange(len(other) + 1)
            return (given[:at] + other[start : start + random.choice((4, 40, 4_000))] + given[end:])[:LONGEST]
        case 6:
            return given[:at] + bytes((random.choice((0, 1, 0x7F, 0x80, 0xFE, 0xFF)),)) * (end - at) + given[end:]
        case 7:
            width = random.choice((1, 2, 4))
            number = (random.choice(LENGTHS) & ((1 << 8 * width) - 1)).to_bytes(width, random.choice(("little", "big")))
            return given[:at] + number + given[at + width :]
        case _:
            return given[:at] + odd_text(random).encode(errors="surrogatepass") + given[end:]


def odd_text(random: Random) -> str:
    """A text that some reader does not expect."""
    return random.choice(ODD_TEXTS)


def odd_number(text: str, random: Random) -> str:
    """Another number, or none."""
    if random.random() < 0.4:
        return odd_text(random)
    return random.choice(
        (f"-{text}", f"{text}e{random.randint(-400, 400)}", f" {text}", text[:1], text * 3, f"0.{text}")
    )


def chosen(some: Sequence[bytes], random: Random) -> bytes:
    """One of them, or none."""
    return random.choice(some) if some else b""
