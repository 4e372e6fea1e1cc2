"""What a browser may do in the viewer: the headers of its page, and those of the programs that run beside it.

The page runs this service's scripts alone, and no text of its own; the hashes are of the styles that OHIF puts into it.
Programs in a worker decode images with WebAssembly. That the page is isolated from others (COOP, COEP) gives it memory
that it shares with them, and holds for the viewer alone.
"""

from collections.abc import Mapping
from typing import Final

STYLES: Final = (
    "'sha256-vGQdhYJbTuF+M8iCn1IZCHpdkiICocWHDq4qnQF4Rjw='",
    "'sha256-Od9mHMH7x2G6QuoV3hsPkDCwIyqbg2DX3F5nLeCYQBc='",
    "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='",
)
PAGE: Final = "; ".join(
    (
        "default-src 'none'",
        "connect-src 'self'",
        "font-src 'self'",
        "script-src 'self'",
        "worker-src 'self'",
        "img-src 'self' data:",
        f"style-src 'self' {' '.join(STYLES)}",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "object-src 'self' blob:",
        "frame-src blob:",
    )
)
WORKER: Final = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval' 'unsafe-eval'; connect-src 'self'"
ISOLATED: Final[Mapping[str, str]] = {
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
    "cross-origin-resource-policy": "same-origin",
}
FOR_EVER: Final[Mapping[str, str]] = {"cache-control": "public, max-age=31536000, immutable"}
"""Of files whose path changes with what is in them."""
