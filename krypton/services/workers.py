"""Runs the relay, and the workers that keep views up to date, as processes."""

from collections.abc import Sequence
from threading import Event

from krypton.bootstrap import Krypton
from projections.declared import VIEWS


def run_relay(ours: Krypton, stop: Event) -> None:
    """Copy the event store to Kafka until ``stop`` is set."""
    from streams.relay import relay

    relay.run(ours.addresses.database, ours.addresses.kafka, stop=stop, page_rows=ours.settings.relay_batch)


def run_worker(ours: Krypton, view: str, version: int | None = None) -> None:
    """Keep one view up to date in this process. ``version``: None: the one that readers see when the worker starts."""
    from streams.processor import processor

    if version is not None:
        from projections.versions import tailing

        with ours.snapshot() as connection:
            tailing.check_tailed(connection, view, version)
    kafka, batch = ours.addresses.kafka, ours.settings.worker_batch
    store = ours.view(view, version)
    if view == "dose_practice":
        from krypton.services.region import keep_current

        keep_current(ours, Event())  # as long as this process runs
    processor.run(store, kafka=kafka, batch=batch, rest_s=VIEWS[view].rest_s)


def run_workers(ours: Krypton, views: Sequence[str]) -> None:
    """Keep several views up to date, in a process each, under a supervisor."""
    from krypton.services.supervisor import Child, krypton_command, stop_on_signals, supervise

    logs, stop = ours.settings.home / "logs", Event()
    stop_on_signals(stop)
    children = [Child(f"worker-{v}", krypton_command("worker", v), logs / f"worker-{v}.log") for v in views]
    supervise(children, print, stop)
