"""Until when a clerk's decision is put off, and whose it is: of a pair, or of one identity by itself.

The rules (L) are those of ``domain.aggregates.link``.
"""

from dataclasses import dataclass

from domain.errors import NothingToChange


@dataclass(frozen=True)
class Deferred:
    """``until``: off the worklist until then, µs since 1970, UTC; None: it is there. ``assigned_to``: the clerk whose
    it is; None: nobody's.
    """

    until: int | None = None
    assigned_to: str | None = None

    def refuse_postponing(self, what: str, until: int | None) -> None:
        """Raises NothingToChange (L2). ``what``: waits, for messages."""
        if until == self.until:
            raise NothingToChange(f"{what} is {'postponed to then' if until else 'not postponed'}: nothing to do")

    def refuse_assigning(self, what: str, assigned_to: str | None) -> None:
        """Raises NothingToChange (L2)."""
        if assigned_to == self.assigned_to:
            whose = "that clerk's already" if assigned_to else "nobody's already"
            raise NothingToChange(f"{what} is {whose}: nothing to do")
