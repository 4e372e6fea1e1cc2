"""Error answers of the schema registry: HTTP status, Confluent's error code, and a message.

Source: Confluent Schema Registry API reference, "Errors"; client libraries act on the codes.
"""

MOST_QUOTED = 100  # characters of a request that an answer repeats


class Refusal(Exception):
    """One error answer. ``code``: Confluent's; its first three digits are the HTTP status."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.code if self.code < 1000 else self.code // 100


def subject_not_found(subject: str) -> Refusal:
    """40401."""
    return Refusal(40401, f"Subject '{subject}' not found.")


def version_not_found(version: str) -> Refusal:
    """40402."""
    return Refusal(40402, f"Version {version} not found.")


def schema_not_found(ident: int | None = None) -> Refusal:
    """40403."""
    return Refusal(40403, "Schema not found" if ident is None else f"Schema {ident} not found")


def invalid_schema(why: str) -> Refusal:
    """42201."""
    return Refusal(42201, f"Invalid schema: {why}")


def invalid_version(version: str) -> Refusal:
    """42202."""
    return Refusal(
        42202,
        f"The specified version '{version[:MOST_QUOTED]}' is not a valid version id. Allowed values are between "
        '[1, 2^31-1] and the string "latest"',
    )


def read_only() -> Refusal:
    """42205: nothing is registered or changed over HTTP."""
    return Refusal(
        42205, "This registry is read-only: an event's schema is a file in schemas/avro, reviewed and released with it"
    )


def too_large(most: int) -> Refusal:
    """413."""
    return Refusal(413, f"The request's body is larger than {most} bytes")
