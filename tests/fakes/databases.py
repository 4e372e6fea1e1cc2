"""Databases copied from one where something is installed: a copy takes a third of the time of an installation."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg2

from krypton.devstack.stack import Stack
from projections.declared import VIEWS

if TYPE_CHECKING:
    from krypton.bootstrap import Krypton

TABLES = 3 + len(VIEWS)  # lines of ``install`` before the topics


def install_tables(ours: "Krypton") -> None:
    """What ``krypton init`` makes in the database."""
    from krypton.services.install import install  # for those who ask: it imports the whole ledger

    for _ in islice(install(ours), TABLES):
        pass


def pattern(stack: Stack, name: str, install: Callable[[str], None]) -> str:
    """The name of a database to copy. ``install``: given its URL, where it is not made yet."""
    if not _asked(stack, f"SELECT FROM pg_database WHERE datname = '{name}' AND NOT datallowconn"):
        url = stack.new_database(name)
        install(url)
        frozen(stack, url)
    return name


def frozen(stack: Stack, url: str) -> str:
    """The name of a database that from now on may only be copied."""
    name = urlsplit(url).path[1:]
    _asked(stack, f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    _asked(stack, f"SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE datname = '{name}'")
    return name


@contextmanager
def copied(stack: Stack, pattern: str) -> Iterator[str]:
    """The URL of a copy of a database, gone afterwards."""
    name = f"test_{uuid4().hex}"
    _asked(stack, f"CREATE DATABASE {name} TEMPLATE {pattern} STRATEGY wal_log")
    try:
        yield stack.new_database(name)
    finally:
        stack.drop_database(name)


def _asked(stack: Stack, statement: str) -> list[tuple[Any, ...]]:
    with closing(psycopg2.connect(stack.addresses().database)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description is not None else []
