"""What ``krypton init`` makes, once: event store, vault, relay, views, topics. Safe to repeat, and twice at once."""

from collections.abc import Iterator
from threading import Event

from kafka.errors import KafkaError
from sqlalchemy import create_engine

from krypton.bootstrap import VIEWS, Krypton
from krypton.settings import ServiceUnavailable

LOOK_AGAIN_S = 1.0


def install(ours: Krypton) -> Iterator[str]:
    """Make what is missing; yields a line for each part done. Raises ServiceUnavailable."""
    from adapters.eventstore import tables
    from projections import catalog
    from streams import relay, topics

    database = ours.addresses.database
    engine = create_engine(database.replace("postgresql://", "postgresql+psycopg2://", 1))
    tables.create(engine)
    engine.dispose()
    yield "event store: ready"
    ours.vault.create()
    yield "vault: ready"
    relay.create(database)
    for name, make in VIEWS.items():
        catalog.create(database, make())
        yield f"view {name}: ready"
    try:
        made = topics.create(ours.addresses.kafka, ours.settings.replication)
    except KafkaError as away:
        raise ServiceUnavailable(
            f"kafka does not answer at {ours.addresses.kafka} ({type(away).__name__}): run krypton dev up, "
            "or check KRYPTON_KAFKA"
        ) from None
    yield f"topics: {len(made)} made, {len(topics.PARTITIONS) - len(made)} there already"


def wait_for_services(stop: Event) -> Krypton | None:
    """The ledger, once Kafka and PostgreSQL answer and all is installed; None when told to stop before."""
    told = None
    while not stop.is_set():
        try:
            ours = Krypton.connect()
            for _ in install(ours):
                pass
            return ours
        except ServiceUnavailable as away:
            if str(away) != told:
                told = str(away)
                print(f"waiting: {away}", flush=True)
            stop.wait(LOOK_AGAIN_S)
    return None
