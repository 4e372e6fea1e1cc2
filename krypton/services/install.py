"""``krypton init``: creates what a ledger needs in PostgreSQL and Kafka, the region's secret and the log's key.

Safe to repeat, and twice at once.
"""

from collections.abc import Iterator
from threading import Event

import psycopg2
import sqlalchemy.exc
from kafka.errors import KafkaError

from krypton.bootstrap import Krypton
from krypton.errors import ServiceUnavailable, SettingsWrong, unanswered
from krypton.vaults import destroy_again
from projections.declared import VIEWS

LOOK_AGAIN_S = 1.0


def install(ours: Krypton, *, log_key: bool = True) -> Iterator[str]:
    """Make what is missing; yields a line for each part done. ``log_key``: the log's key too, where it never signed.

    Raises ServiceUnavailable, SettingsWrong where what is there already is of another make, and WrongMasterKey.
    """
    from krypton.services import logins
    from projections.versions.creation import VersionChanged
    from streams.broker import acl
    from streams.broker.topics import TopicsDiffer

    try:
        yield from _tables(ours)
        yield _topics(ours)
        if told := logins.install(ours.addresses.kafka):
            yield told
        if log_key:
            yield _log_key(ours)
    except (psycopg2.OperationalError, sqlalchemy.exc.OperationalError) as away:
        raise ServiceUnavailable(unanswered(away)) from None
    except KafkaError as away:
        raise ServiceUnavailable(
            f"kafka does not answer at {ours.addresses.kafka} ({type(away).__name__}): run krypton dev up, "
            "or check KRYPTON_KAFKA"
        ) from None
    except acl.NoAuthorizer as none:
        raise SettingsWrong(f"{none}, though it was given a login: leave KRYPTON_KAFKA_USER out") from None
    except (VersionChanged, TopicsDiffer) as differs:
        raise SettingsWrong(str(differs)) from None


def _tables(ours: Krypton) -> Iterator[str]:
    from adapters.eventstore import decision_tables_again, tables
    from adapters.outbox import tables as outbox
    from adapters.web_sessions import tables as web_sessions
    from krypton import region
    from projections.dose_practice import region_tables
    from projections.versions import creation
    from streams.relay import relay

    database = ours.addresses.database
    tables.create(database)
    made = decision_tables_again.catch_up(database, ours.codec)
    yield f"event store: ready{', and what decisions look up made from it' if made else ''}"
    ours.vault.create()
    made = region.make(ours.vault, database)
    back = destroy_again(ours)
    yield (
        "vault: ready"
        + (", region secret made" if made else "")
        + (f", {back} keys of erased people were there again and are destroyed" if back else "")
    )
    relay.create(database)
    region_tables.create(database)
    for name, view in VIEWS.items():
        ours_made = creation.create(database, view.make())
        other = f"as another program made it: build this one's with krypton views rebuild {name}, and promote it"
        yield f"view {name}: {'ready' if ours_made else other}"
    outbox.create(database)
    yield "policies: ready"
    web_sessions.create(database)
    yield "web sessions: ready"


def _topics(ours: Krypton) -> str:
    from krypton.views.dead_letters import publish_again
    from streams.broker import topics
    from streams.relay import topic_ids

    made = topics.create(ours.addresses.kafka, ours.settings.replication)
    if topics.DEAD_LETTERS in made:
        publish_again(ours)
    topic_ids.note(ours.addresses.database, topics.ids(ours.addresses.kafka))
    return f"topics: {len(made)} made, {len(topics.PARTITIONS) - len(made)} there already"


def _log_key(ours: Krypton) -> str:
    """The notary's machine has the key of a log that signed already: that another one has none is no mistake."""
    from krypton.integrity.keys import KeyGone, made
    from streams.broker import checkpoints

    had = ours.settings.log_key.exists()
    try:
        made(ours.settings, lambda: checkpoints.read(ours.addresses.kafka))
    except KeyGone:
        return "log key: not on this machine; the log has one already"
    return f"log key: {'there already' if had else f'made, keep a copy of {ours.settings.log_key}'}"


def wait_for_services(stop: Event) -> Krypton | None:
    """The ledger, once Kafka and PostgreSQL answer and all is installed; None when told to stop before.

    Raises SettingsWrong, WrongMasterKey.
    """
    told = None
    while not stop.is_set():
        try:
            ours = Krypton.connect()
            for _ in install(ours, log_key=False):  # a notary makes its own; a machine without one needs none
                pass
            return ours
        except ServiceUnavailable as away:
            if str(away) != told:
                told = str(away)
                print(f"waiting: {away}", flush=True)
            stop.wait(LOOK_AGAIN_S)
    return None
