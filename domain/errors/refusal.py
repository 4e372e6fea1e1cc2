"""What every refusal is: a rule said no, and nothing was written."""


class RuleBroken(Exception):
    """A rule refused a command and nothing was written. ``rule`` is its number in the aggregate's docstring.

    ``not_before``: of what only comes too early, when it is to be asked again, µs since 1970, UTC. ``others``: of a
    file in which several things are wrong, the other ones.
    """

    rule: str

    def __init__(self, *said: object, not_before: int | None = None) -> None:
        super().__init__(*said)
        self.not_before = not_before
        self.others: tuple[RuleBroken, ...] = ()
