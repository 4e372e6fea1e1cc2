"""The master keys that a process was given: the first one wraps where none wraps yet, each opens what it wrapped.

A master key that is not known is looked for once more where keys come from: a file may have been given another key
since the process started, so that master keys change while processes run.
"""

from collections.abc import Callable, Sequence

from domain.errors import WrongMasterKey
from domain.ports import MasterKey

Load = Callable[[], Sequence[MasterKey]]
Find = Callable[[str], MasterKey | None]


class Ring:
    """Master keys by name. Safe to share between threads."""

    def __init__(self, load: Load, where: str, find: Find = lambda _: None) -> None:
        """``load``: reads them, the first one first; ``where``: the setting that names them, for messages; ``find``:
        looks for one that is not among them by its name.
        """
        self._load, self.where, self._find = load, where, find
        self._held: dict[str, MasterKey] = {}

    @staticmethod
    def of(*keys: MasterKey) -> "Ring":
        """These keys and no others."""
        return Ring(lambda: keys, "the ring")

    @property
    def first(self) -> MasterKey:
        """The one that wraps what is made from now on, where an operator says so. Raises what loading raises."""
        return self._read()[0]

    def named(self, name: str) -> MasterKey:
        """Raises WrongMasterKey where it was not given."""
        if known := self._held.get(name):
            return known
        given = {key.name: key for key in self._read()}
        if found := given.get(name) or self._find(name):
            self._held = {**given, name: found}
            return found
        raise WrongMasterKey(
            f"the vault's keys are wrapped by master key {name}, and {self.where} has {', '.join(given)}: "
            "bring back the right one; never make a new one, it opens nothing"
        )

    def _read(self) -> Sequence[MasterKey]:
        keys = self._load()
        self._held = {key.name: key for key in keys}
        return keys
