"""Compiles each Avro schema to a Python function that decodes it, twice as fast as fastavro, for bulk reads.

It is fast because it knows each schema in advance: text is sliced from one decoded string instead of read from a file,
no type is looked up while reading, consecutive ids are read at once, and unused fields are skipped. It reads what
``Schema.hot`` describes (no logical types) and gives equal values; ``tests/unit/test_compiled.py`` checks that on
generated events of every schema. Damaged bytes raise an error or leave a different length, and the caller then lets
fastavro report the error. Source: Avro 1.12 specification, binary encoding.
"""

from collections.abc import Callable, Collection, Sequence
from struct import Struct
from typing import Any, Final

Reader = Callable[[bytes, str, int], tuple[dict[str, Any], int]]
"""From raw bytes, the same bytes as Latin-1 text, and the start, to the fields and the end."""

INDENT: Final = "    "
UUID_CHARS: Final = 36
UUID_LENGTH: Final = 2 * UUID_CHARS  # zigzag: the byte before a uuid's characters
ENDS: Final = 0x8080808080808080  # the bits of eight bytes that say whether another follows,
TIME: Final = 0x0080808080808080  # and how they stand where the eighth is the last


class NotCompiled(Exception):
    """The schema uses a type that the compiler does not support: fastavro reads it."""


def compiled(parsed: dict[str, Any], uuids: Collection[str] = (), only: Collection[str] | None = None) -> Reader:
    """A reader for one record schema, as parsed by fastavro without logical types. Raises NotCompiled.

    ``uuids``: fields that usually hold a uuid. ``only``: the fields to return; None: all.
    """
    writer = _Writer()
    target = writer.event(parsed, uuids, only)
    source = "\n".join(["def read(b, t, p):", *writer.lines, f"{INDENT}return {target}, p"])
    scope: dict[str, Any] = {"double": Struct("<d").unpack_from, "long": _long, "size": _size}
    exec(compile(source, f"<reader of {parsed['name']}>", "exec"), scope)  # noqa: S102  # trusted source, generated from the schemas
    reader: Reader = scope["read"]
    return reader


def _long(b: bytes, p: int) -> tuple[int, int]:
    """A zigzag varint of more than one byte, and its end. A current time takes eight bytes, read at once.

    Raises ValueError beyond 64 bits: the bytes are damaged.
    """
    if (byte := b[p + 1]) < 128:
        value = b[p] & 127 | byte << 7
        return value >> 1 ^ -(value & 1), p + 2
    if (eight := int.from_bytes(b[p : p + 8], "little")) & ENDS == TIME:
        eight = eight & 0x7F007F007F007F | (eight & 0x7F007F007F007F00) >> 1
        eight = eight & 0x3FFF00003FFF | (eight & 0x3FFF00003FFF0000) >> 2
        eight = eight & 0xFFFFFFF | (eight & 0xFFFFFFF00000000) >> 4
        return eight >> 1 ^ -(eight & 1), p + 8
    value = shift = 0
    while True:
        byte = b[p]
        p += 1
        value |= (byte & 127) << shift
        if byte < 128:
            if value >> 64:
                raise ValueError("more than 64 bits")
            return value >> 1 ^ -(value & 1), p
        shift += 7


def _size(b: bytes, p: int) -> tuple[int, int]:
    """A length that needs more than seven bits. Raises ValueError if it is negative: the bytes are damaged."""
    size, p = _long(b, p)
    if size < 0:
        raise ValueError("a negative length")
    return size, p


def _runs(fields: Sequence[dict[str, Any]], uuids: Collection[str]) -> list[list[dict[str, Any]]]:
    """Fields in order: consecutive plain uuids in one list, any other field in a list of its own."""
    runs: list[list[dict[str, Any]]] = []
    was_uuid = False
    for field in fields:
        is_uuid = field["type"] == "string" and field["name"] in uuids
        if is_uuid and was_uuid:
            runs[-1].append(field)
        else:
            runs.append([field])
        was_uuid = is_uuid
    return runs


class _Writer:
    """Generates the source: each method adds lines that read one value into a new variable, and returns its name."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._names = 0

    def event(self, schema: dict[str, Any], uuids: Collection[str], only: Collection[str] | None) -> str:
        """The outermost record: see ``compiled``."""
        found: dict[str, str] = {}
        for run in _runs(schema["fields"], uuids):
            wanted = [only is None or field["name"] in only for field in run]
            found |= self._uuids(run, wanted) if len(run) > 1 else self._field(run[0], wanted[0])
        return self._dict(found, 1)

    def record(self, schema: dict[str, Any], depth: int) -> str:
        """A record becomes a dict, built at once when all fields are read."""
        return self._dict({field["name"]: self.value(field["type"], depth) for field in schema["fields"]}, depth)

    def _dict(self, fields: dict[str, str], depth: int) -> str:
        name = self._new()
        self._say(depth, f"{name} = {{{', '.join(f'{field!r}: {value}' for field, value in fields.items())}}}")
        return name

    def _field(self, field: dict[str, Any], wanted: bool, depth: int = 1) -> dict[str, str]:
        if wanted:
            return {field["name"]: self.value(field["type"], depth)}
        self._step_over(field["type"], depth)
        return {}

    def _uuids(self, run: Sequence[dict[str, Any]], wanted: Sequence[bool]) -> dict[str, str]:
        """Consecutive uuid fields, read at once; one by one if any has another length."""
        step, size = UUID_CHARS + 1, (UUID_CHARS + 1) * len(run)
        lengths = " == ".join(f"b[p + {step * n}]" for n in range(len(run)))
        self._say(1, f"if {lengths} == {UUID_LENGTH} and t[p : p + {size}].isascii():")
        names = {field["name"]: self._new() for field, want in zip(run, wanted, strict=True) if want}
        for n, field in enumerate(run):
            if name := names.get(field["name"]):
                self._say(2, f"{name} = t[p + {step * n + 1} : p + {step * n + step}]")
        self._say(2, f"p += {size}")
        self._say(1, "else:")
        for field, want in zip(run, wanted, strict=True):
            for name, value in self._field(field, want, 2).items():
                self._say(2, f"{names[name]} = {value}")
        return names

    def _step_over(self, kind: Any, depth: int) -> None:
        """Skip an unused value, still checking damaged text. Lists and maps are read anyway: views rarely leave them
        out.
        """
        kind = kind["type"] if isinstance(kind, dict) and kind["type"] not in ("record", "array", "map") else kind
        match kind:
            case "string":
                self._sized(depth)
                self._say(depth, "if not t[p:q].isascii():", f"{INDENT}b[p:q].decode()", "p = q")
            case "bytes":
                self._sized(depth)
                self._say(depth, "p = q")
            case "int" | "long":
                self._say(depth, "while b[p] > 127:", f"{INDENT}p += 1", "p += 1")
            case _:
                self.value(kind, depth)

    def value(self, kind: Any, depth: int) -> str:
        """Any type."""
        if isinstance(kind, list):
            return self._union(kind, depth)
        if isinstance(kind, dict):
            kind = kind if kind["type"] in ("record", "array", "map") else kind["type"]
        if isinstance(kind, dict):
            write = {"record": self.record, "array": self._array, "map": self._map}[kind["type"]]
            return write(kind, depth)
        if kind not in ("int", "long", "string", "bytes", "double", "boolean", "null"):
            raise NotCompiled(f"{kind} is not a type that events use")
        name = self._new()
        getattr(self, f"_{kind}")(name, depth)
        return name

    def _int(self, name: str, depth: int) -> None:
        self._say(depth, f"{name} = b[p]")
        self._say(depth, f"if {name} < 128:", f"{INDENT}p += 1", f"{INDENT}{name} = {name} >> 1 ^ -({name} & 1)")
        self._say(depth, "else:", f"{INDENT}{name}, p = long(b, p)")

    _long = _int

    def _sized(self, depth: int) -> None:
        self._say(depth, "n = b[p]", "if n & 129:", f"{INDENT}n, p = size(b, p)")
        self._say(depth, "else:", f"{INDENT}p += 1", f"{INDENT}n >>= 1", "q = p + n")

    def _string(self, name: str, depth: int) -> None:
        self._sized(depth)
        self._say(depth, f"{name} = t[p:q]", f"if not {name}.isascii():", f"{INDENT}{name} = b[p:q].decode()", "p = q")

    def _bytes(self, name: str, depth: int) -> None:
        self._sized(depth)
        self._say(depth, f"{name} = b[p:q]", "p = q")

    def _double(self, name: str, depth: int) -> None:
        self._say(depth, f"({name},) = double(b, p)", "p += 8")
        self._say(depth, f"if {name} - {name}:", f"{INDENT}raise ValueError('not finite')")  # infinity, not-a-number

    def _boolean(self, name: str, depth: int) -> None:
        self._say(depth, f"{name} = b[p] != 0", "p += 1")

    def _null(self, name: str, depth: int) -> None:
        self._say(depth, f"{name} = None")

    def _union(self, kinds: list[Any], depth: int) -> str:
        """Of null and one other type: all unions of the ledger."""
        if len(kinds) != 2 or kinds[0] != "null":
            raise NotCompiled("a union other than of null and one type")
        self._say(depth, "if b[p]:", f"{INDENT}if b[p] != 2:", f"{2 * INDENT}raise ValueError('no such branch')")
        self._say(depth + 1, "p += 1")
        name = self.value(kinds[1], depth + 1)
        self._say(depth, "else:", f"{INDENT}p += 1", f"{INDENT}{name} = None")
        return name

    def _array(self, schema: dict[str, Any], depth: int) -> str:
        name = self._new()
        self._say(depth, f"{name} = []")
        self._blocks(depth)
        self._say(depth + 2, f"{name}.append({self.value(schema['items'], depth + 2)})")
        self._say(depth, "p += 1")
        return name

    def _map(self, schema: dict[str, Any], depth: int) -> str:
        name = self._new()
        self._say(depth, f"{name} = {{}}")
        self._blocks(depth)
        key, value = self.value("string", depth + 2), self.value(schema["values"], depth + 2)
        self._say(depth + 2, f"{name}[{key}] = {value}")
        self._say(depth, "p += 1")
        return name

    def _blocks(self, depth: int) -> None:
        """Opens the loop over items, in blocks: a count (negative: the block's size in bytes follows), items; a 0."""
        count, size = self._new(), self._new()
        self._say(depth, "while b[p]:")
        self._int(count, depth + 1)
        self._say(depth + 1, f"if {count} <= 0:", f"{INDENT}if not {count}:")
        self._say(depth + 3, "raise ValueError('a zero of two bytes')")
        self._say(depth + 2, f"{count} = -{count}")
        self._int(size, depth + 2)
        self._say(depth + 1, f"for _ in range({count}):")

    def _new(self) -> str:
        self._names += 1
        return f"v{self._names}"

    def _say(self, depth: int, *lines: str) -> None:
        self.lines += [INDENT * depth + line for line in lines]
