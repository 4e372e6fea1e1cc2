"""krypton: the command line. Puts the commands together, and alone turns errors into sentences and exit codes.

0 done · 1 refused by a rule · 2 wrong usage · 3 not found · 4 a service is unreachable. Never a traceback for what a
user did; a traceback means a defect of ours.
"""

import sys
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from typing import NoReturn

import eventsourcing.persistence
import psycopg2
import typer

from domain.errors import Contended, LedgerAltered, NotFound, OffsetGap, RuleBroken, SealBroken, StoreAway
from krypton.cli.output import err
from krypton.settings import ServiceUnavailable, SettingsWrong
from schemas.codec import NotAnEvent
from schemas.registry import UnknownSchema

REFUSED, USAGE, NOT_FOUND, UNREACHABLE, INTERRUPTED = 1, 2, 3, 4, 130
GROUPS = (
    "dev",
    "site",
    "professional",
    "identity",
    "study",
    "record",
    "dose",
    "consent",
    "access",
    "order",
    "reading",
    "audit",
    "rules",
    "views",
    "dead_letters",
    "dicom",
    "serve",
    "subscriber",
)


TOGETHER = ("services", "events", "ingest", "recovery")
"""Modules whose commands belong to no group."""


@cache
def build(group: str | None = None) -> typer.Typer:
    """The whole command line; or one group of it, which takes a third of the time to load."""
    app = typer.Typer(
        help="The health-record ledger of a region.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_keep_groups)
    for name in (group,) if group else GROUPS:
        app.add_typer(import_module(f"krypton.cli.{name}").app, name=name.replace("_", "-"))
    for name in () if group else TOGETHER:
        import_module(f"krypton.cli.{name}").add_to(app)
    return app


def _keep_groups() -> None:
    """Typer takes the only group of a command line for the whole of it, unless there is a callback."""


def _group(arguments: Sequence[str]) -> str | None:
    """The group that a command line names first."""
    name = arguments[0].replace("-", "_") if arguments else ""
    return name if name in GROUPS else None


def run(arguments: Sequence[str]) -> int:
    """Run one command line; returns its exit code. Errors of a user's making become a sentence on standard error."""
    try:
        build(_group(arguments))(list(arguments), standalone_mode=True, prog_name="krypton")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else USAGE
    except RuleBroken as refusal:
        return _said(f"refused: {refusal} ({refusal.rule})", REFUSED)
    except (LedgerAltered, OffsetGap) as altered:
        return _said(f"refused: {altered}", REFUSED)
    except (NotAnEvent, UnknownSchema, SealBroken) as damaged:
        return _said(f"refused: an event cannot be read ({damaged}); see krypton audit verify", REFUSED)
    except NotFound as missing:
        return _said(f"not found: {missing}", NOT_FOUND)
    except SettingsWrong as wrong:
        return _said(f"settings: {wrong}", USAGE)
    except (ServiceUnavailable, Contended, StoreAway) as away:
        return _said(f"unavailable: {away}", UNREACHABLE)
    except eventsourcing.persistence.OperationalError as away:
        return _said(f"unavailable: {away}; see krypton dev status", UNREACHABLE)
    except psycopg2.errors.UndefinedTable:
        return _said("unavailable: the tables are not there yet: run krypton init", UNREACHABLE)
    except psycopg2.OperationalError as away:
        return _said(
            f"unavailable: the database does not answer ({type(away).__name__}): run krypton dev up", UNREACHABLE
        )
    except KeyboardInterrupt:
        return _said("interrupted: what was written stays, the same command can be run again", INTERRUPTED)
    return 0


def _said(message: str, code: int) -> int:
    err.print(message, markup=False)
    return code


def main() -> NoReturn:
    """The entry point."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
