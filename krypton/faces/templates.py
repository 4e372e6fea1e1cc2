"""The templates of a face's pages: whatever stands in them is escaped, and what is not given is an error."""

from functools import cache
from typing import Final

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

SHARED: Final = "krypton.faces"


@cache
def templates(package: str) -> Environment:
    """Those in the folder ``pages`` of a package, and those that all faces share."""
    return Environment(
        loader=ChoiceLoader([PackageLoader(package, "pages"), PackageLoader(SHARED, "pages")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
