"""The command line's entry point: assembles all commands, and turns errors into messages and exit codes.

Puts the commands together, and alone turns errors into sentences and exit codes.

0 done · 1 refused by a rule · 2 wrong usage · 3 not found · 4 a service is unreachable. It imports as little as it can:
a command's module is imported when the command runs (``groups``), and the errors' when something failed (``failures``).
"""

import sys
from collections.abc import Sequence
from functools import cache
from typing import NoReturn

import typer

from krypton.cli.groups import lazy, whole
from krypton.services.parent import end_with_parent

USAGE, INTERRUPTED = 2, 130
HELP = "The health-record ledger of a region."
LINES = {
    "dev": {"dev": "The embedded Kafka and PostgreSQL, for development: nothing to install."},
    "site": {"site": "Establishments."},
    "professional": {"professional": "Professionals."},
    "identity": {"identity": "Local identities, and decisions on pairs of them."},
    "erase": {"erase": "Erasures: requested by one, approved by another, carried out after a delay."},
    "study": {"study": "Studies."},
    "record": {"record": "Patient records."},
    "dose": {"dose": "Cumulative dose and alerts."},
    "consent": {"consent": "Consents, oppositions and one-time codes."},
    "access": {"access": "Requests to see a record."},
    "order": {"order": "Exam orders."},
    "reading": {"reading": "Teleradiology."},
    "audit": {"audit": "Histories for auditors, and proof that nothing was altered."},
    "rules": {"rules": "Rules: published as files, in force once a view built with them is promoted."},
    "views": {"views": "Views: their versions, rebuilt, compared, promoted."},
    "policies": {"policies": "Policies: matching of new identities, timers, reviews."},
    "dead_letters": {"dead-letters": "Dead letters: records that a view could not apply."},
    "dicom": {"dicom": "The DICOM service, to which modalities and PACS send."},
    "archive": {"archive": "Stored images: their metadata and frame indexes, and whether they are still what came in."},
    "viewer": {"viewer": "The viewer of images in a browser: its program, OHIF."},
    "serve": {"serve": "What is served to hospitals, professionals, subscribers and auditors."},
    "subscriber": {"subscriber": "Downstream services that read topics with a login of their own."},
    "services": {
        "init": "Create the event store, the vault, the views and the topics; safe to repeat.",
        "run": "Relay, processors, policies, notary, DICOM, HL7, web and registry under one supervisor, until SIGTERM.",
        "relay": "Copy the event store to Kafka, as the active relay or as a standby.",
        "worker": "Keep views up to date from Kafka: one process per view when several are named.",
        "wait": "Wait until the live views and the policies have processed everything in the ledger.",
        "health": "Whether every part does what it should; ends with 1, naming the part and the cause, where one does "
        "not.",
        "topics": "The Kafka topics, and how many records each holds.",
    },
    "vault": {"vault": "The vault's master keys: which one wraps what, and how to change it."},
    "events": {"events": "Events as Kafka holds them, in ledger order."},
    "ingest": {"ingest": "Import DICOM files and folders as if received from that site."},
    "recovery": {
        "restore": "Restore what one of the two logs lost, or what is made from them.",
        "republish": "Send to Kafka the events that it lacks at the end of its partitions; refuses where it holds "
        "something else, and where the event store is not the one that was signed.",
        "recover": "Make topics again from the event store, build and promote the views that read them, and verify "
        "both logs.",
    },
}
"""Each module of ``krypton.cli`` that has commands, their names, and the first sentence of their help. A test holds
them to what the modules say."""


@cache
def command_line() -> typer.Typer:
    """The command line; a command's module is imported when the command runs."""
    return lazy(HELP, LINES)


@cache
def build() -> typer.Typer:
    """The command line with every module imported: for documents, and for tests that walk over all commands."""
    return whole(HELP, tuple(LINES))


def run(arguments: Sequence[str]) -> int:
    """Run one command line; returns its exit code. Errors of a user's making become a sentence on standard error."""
    try:
        command_line()(list(arguments), standalone_mode=True, prog_name="krypton")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else USAGE
    except KeyboardInterrupt:
        return _said("interrupted: what was written stays, the same command can be run again", INTERRUPTED)
    except Exception as error:
        from krypton.failures import told

        if (sentence_and_code := told(error)) is None:
            raise
        return _said(*sentence_and_code)
    return 0


def _said(message: str, code: int) -> int:
    typer.echo(message, err=True)
    return code


def main() -> NoReturn:
    """The entry point."""
    end_with_parent()
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
