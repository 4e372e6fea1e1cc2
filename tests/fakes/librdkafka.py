"""What a client of librdkafka logs in to a test's broker with."""

from typing import Any

from streams.broker import broker

Client = dict[str, Any]


def with_password(kafka: str, user: str, password: str) -> Client:
    """Settings of a client that logs in as a user."""
    return {
        "bootstrap.servers": ",".join(broker.servers(kafka)),
        "security.protocol": broker.PROTOCOL,
        "sasl.mechanism": broker.MECHANISM,
        "sasl.username": user,
        "sasl.password": password,
    }


def own(kafka: str) -> Client:
    """Settings of a client with the login that the address names."""
    login = broker.options(kafka)
    return with_password(kafka, login["sasl_plain_username"], login["sasl_plain_password"])
