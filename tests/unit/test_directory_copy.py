"""Who may call is told from a local copy: one thread asks, and what cannot be told now is said at once."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from domain.commands.directory import RegisterDevice
from krypton.services import directory_copy
from krypton.services.directory_copy import MOST_AGE_S, DirectoryCopy, NotKnownNow
from tests.fakes.dicom import AE_TITLE, SITE, enrolled
from tests.waiting import WITHIN_S, until


class Store:
    """A directory that may be away or hang, a clock, and how often the directory was asked."""

    def __init__(self) -> None:
        self.ledger = enrolled()
        self.away = False
        self.now = 0.0
        self.looks = 0
        self.goes_on = threading.Event()
        self.goes_on.set()
        self.looking = threading.Semaphore(0)
        self.copy = DirectoryCopy(self.read, clock=lambda: self.now)

    def read(self) -> dict[str, str]:
        self.looks += 1
        self.looking.release()
        self.goes_on.wait()
        if self.away:
            raise ConnectionError
        return dict(self.ledger.log.sites_by_title())

    def looked(self) -> None:
        """Wait for the next look."""
        assert self.looking.acquire(timeout=WITHIN_S)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setattr(directory_copy, "REFRESH_S", 3_600.0)  # it looks when asked
    monkeypatch.setattr(directory_copy, "WAIT_S", 60.0)
    one = Store()
    yield one
    one.goes_on.set()
    one.copy.stop()


def test_an_enrolled_caller_is_known_and_another_is_not(store: Store) -> None:
    store.copy.start()
    assert store.copy.site_of(AE_TITLE) == SITE
    assert store.copy.site_of("STRANGER") is None


def test_a_caller_that_the_copy_knows_asks_nothing_and_waits_for_nothing(store: Store) -> None:
    store.copy.start()
    store.copy.site_of(AE_TITLE)
    asked = store.looks
    store.goes_on.clear()
    assert [store.copy.site_of(AE_TITLE) for _ in range(300)] == [SITE] * 300
    assert store.looks == asked


def test_who_is_enrolled_after_the_copy_was_made_is_known_at_its_first_call(store: Store) -> None:
    store.copy.start()
    assert store.copy.site_of("NEWCOMER") is None
    store.ledger.ask(RegisterDevice(code=SITE, ae_title="NEWCOMER"))
    assert store.copy.site_of("NEWCOMER") == SITE


def test_many_strangers_at_once_share_a_look(store: Store) -> None:
    store.copy.start()
    store.copy.site_of("FIRST")
    asked = store.looks
    store.goes_on.clear()
    with ThreadPoolExecutor(100) as threads:
        found = [threads.submit(store.copy.site_of, f"STRANGER{number}") for number in range(100)]
        until(lambda: store.copy._asked == 101, "all have asked")
        store.goes_on.set()
        assert {one.result() for one in found} == {None}
    assert 1 <= store.looks - asked <= 2  # those that came during the first share the second


def test_without_a_copy_nobody_is_turned_away_for_good(store: Store) -> None:
    store.away = True
    store.copy.start()
    with pytest.raises(NotKnownNow):
        store.copy.site_of(AE_TITLE)


def test_while_the_store_is_away_the_known_are_let_in_and_strangers_are_told_to_call_again(store: Store) -> None:
    store.copy.start()
    store.copy.site_of(AE_TITLE)
    store.away = True
    for _ in range(3):
        with pytest.raises(NotKnownNow):
            store.copy.site_of("STRANGER")
    assert store.copy.site_of(AE_TITLE) == SITE


def test_a_copy_that_is_too_old_is_not_believed(store: Store) -> None:
    store.copy.start()
    store.copy.site_of(AE_TITLE)
    store.away, store.now = True, MOST_AGE_S + 1
    with pytest.raises(NotKnownNow):
        store.copy.site_of(AE_TITLE)


def test_a_store_that_hangs_is_waited_for_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.copy.start()
    store.copy.site_of(AE_TITLE)
    store.goes_on.clear()
    monkeypatch.setattr(directory_copy, "WAIT_S", 0.1)
    with pytest.raises(NotKnownNow):
        store.copy.site_of("STRANGER")
    monkeypatch.setattr(directory_copy, "WAIT_S", 3_600.0)
    with pytest.raises(NotKnownNow):
        store.copy.site_of("STRANGER")
    assert store.copy.site_of(AE_TITLE) == SITE


def test_once_the_store_is_back_strangers_are_told_for_good(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory_copy, "REFRESH_S", 0.01)
    store.away = True
    store.copy.start()
    store.looked()
    store.away = False
    store.looked()  # perhaps begun before
    store.looked()
    store.looked()  # so the one before it has answered
    assert store.copy.site_of("STRANGER") is None
    assert store.copy.site_of(AE_TITLE) == SITE
