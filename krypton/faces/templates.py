"""The templates of a face's pages: whatever stands in them is escaped, and what is not given is an error."""

from functools import cache
from typing import Final

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

SHARED: Final = "krypton.faces"


@cache
def templates(package: str) -> Environment:
    """Those in the folder ``pages`` of a package, and those that all faces share."""
    made = Environment(
        loader=ChoiceLoader([PackageLoader(package, "pages"), PackageLoader(SHARED, "pages")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["css"] = css_string
    return made


def css_string(text: str) -> str:
    """What stands within the quotes of a style sheet's string, each character by its number: nothing ends it early.

    CSS Syntax Module Level 3, 4.3.7.
    """
    return "".join(f"\\{ord(one):06x}" for one in text)
