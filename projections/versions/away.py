"""Which keys may be stored away from memory: a Bloom filter of a fixed size, whatever the number of keys.

A key that was noted is always told; of others a few are told too, which costs one look-up in vain each: one in 5,000
where there are 50 bits for each key. Source: B. Bloom, "Space/time trade-offs in hash coding with allowable errors",
1970.
"""

from collections.abc import Hashable, Iterable


class Away:
    """Keys that were noted. Its memory is taken when the first one is."""

    def __init__(self, most_bytes: int) -> None:
        """``most_bytes``: its size, rounded down to a power of two."""
        self._width = (8 * most_bytes).bit_length() - 1
        self._bits = bytearray()

    def __bool__(self) -> bool:
        """Whether any key was noted."""
        return bool(self._bits)

    def note(self, keys: Iterable[Hashable]) -> None:
        """Remember keys."""
        width, low, bits = self._width, (1 << self._width) - 1, self._bits
        for key in keys:
            if not bits:
                bits = self._bits = bytearray(1 << width - 3)
            places = hash(key)
            for at in (places & low, places >> 17 & low, places >> 34 & low):
                bits[at >> 3] |= 1 << (at & 7)

    def may_hold(self, key: Hashable) -> bool:
        """Whether a key was noted, or looks like one that was."""
        bits, low = self._bits, (1 << self._width) - 1
        if not bits:
            return False
        places = hash(key)
        at = places & low
        if not bits[at >> 3] >> (at & 7) & 1:
            return False
        return all(bits[at >> 3] >> (at & 7) & 1 for at in (places >> 17 & low, places >> 34 & low))
