"""``python -m tools``: writes the part of ``docs/security.md`` that lists what stands in clear in events, and why."""

from pathlib import Path

from schemas.clear import KINDS

PAGE = Path(__file__).parents[1] / "docs" / "security.md"
BEGIN, END = "<!-- made by python -m tools -->\n", "<!-- end of what is made -->\n"


def page() -> str:
    """The whole page, with that part as the code has it."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{_table()}\n{END}{after}"


def _table() -> str:
    rows = (f"| {kind.name} | {', '.join(f'`{name}`' for name in kind.fields)} | {kind.reason} |" for kind in KINDS)
    return "\n".join(("| what | fields | why |", "|---|---|---|", *rows)) + "\n"
