"""krypton subscriber: gives subscribers a Kafka login with read rights on chosen topics.

Kafka keeps it; nothing opens sealed fields.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from domain.errors import NotFound
from krypton.addresses import locate_kafka
from krypton.cli.calling import OWN, As
from krypton.cli.groups import command_group
from krypton.cli.options import AsJson
from krypton.cli.output import document, facts, out, table
from krypton.errors import ServiceUnavailable, SettingsWrong
from krypton.settings import Settings

app = command_group("Downstream services that read topics with a login of their own.")

Name = Annotated[str, typer.Argument(help="2 to 40 of a-z, 0-9 and -; its login, and its consumer groups' first word.")]
Topics = Annotated[str, typer.Option("--topics", help="By commas: krypton.studies,krypton.doses or studies,doses.")]


@app.command()
def add(name: Name, topics: Topics, who: As = OWN, as_json: AsJson = False) -> None:
    """Give a service a login that reads these topics and nothing else. Its password is shown now, and never again."""
    from streams.broker import acl

    wanted = [_whole_name(topic) for topic in topics.split(",") if topic.strip()]
    with _refusals() as kafka:
        password = acl.add(kafka, name, wanted)
    given = {
        "name": name,
        "password": password,
        "mechanism": "SCRAM-SHA-512",
        "topics": sorted(set(wanted)),
        "groups": [name, f"{name}.*"],
    }
    if as_json:
        document(given)
        return
    facts(given)
    out.print("Hand the password over by a way of its own: it is kept nowhere. docs/subscribing.md shows its use.")


@app.command("list")
def list_(who: As = OWN, as_json: AsJson = False) -> None:
    """Every subscriber and what it may read."""
    from streams.broker import acl

    with _refusals() as kafka:
        found = [{"name": one.name, "topics": list(one.topics)} for one in acl.listed(kafka)]
    if as_json:
        document(found)
        return
    table([one | {"topics": ", ".join(one["topics"])} for one in found], ("name", "topics"), "Subscribers")


@app.command()
def remove(name: Name, who: As = OWN) -> None:
    """Revoke its login and rights at once. For a lost password: remove, then add."""
    from streams.broker import acl

    with _refusals() as kafka:
        acl.remove(kafka, name)
    out.print(f"{name} has no login any more")


def _whole_name(topic: str) -> str:
    topic = topic.strip()
    return topic if topic.startswith("krypton.") else f"krypton.{topic}"


@contextmanager
def _refusals() -> Iterator[str]:
    """The broker's address; what Kafka or the rules of names refuse becomes a sentence."""
    from kafka.errors import ClusterAuthorizationFailedError, KafkaError

    from streams.broker import acl

    settings = Settings.read(os.environ, Path.cwd())
    kafka = locate_kafka(settings.home, settings.kafka)  # no database is needed
    try:
        yield kafka
    except acl.SubscriberWrong as wrong:
        raise typer.BadParameter(str(wrong)) from None
    except acl.SubscriberUnknown as unknown:
        raise NotFound(str(unknown)) from None
    except acl.NoAuthorizer as none:
        raise SettingsWrong(
            f"{none}: make one that does with krypton dev up, without KRYPTON_DEV_SECURE=0, in a new KRYPTON_HOME, or "
            "see docker/"
        ) from None
    except ClusterAuthorizationFailedError:
        raise SettingsWrong("this login may not change rights: set KRYPTON_KAFKA_USER to Kafka's super user") from None
    except KafkaError as away:
        raise ServiceUnavailable(
            f"kafka does not answer ({type(away).__name__}): run krypton dev up, or check KRYPTON_KAFKA and its login"
        ) from None
