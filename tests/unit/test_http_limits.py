"""Limits of the web service: how large, how long, how many; and what is refused costs next to nothing."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from threading import Event, Thread

import pytest
from starlette.testclient import TestClient

from krypton.faces.http import limits
from krypton.faces.http.buckets import Buckets
from krypton.faces.http.limits import Limits
from krypton.faces.http.workers import Workers
from tests.fakes.web import AN_OPERATOR, RECORD, SIGNED, WHY, Queries, asking, wired
from tests.waiting import WITHIN_S, until

SLOW = Limits(rate=1.0)


@pytest.fixture
def client(tmp_path: Path, queries: Queries) -> Iterator[TestClient]:
    with wired(tmp_path) as web, asking(web) as made:
        yield made


@pytest.fixture
def slow(tmp_path: Path, queries: Queries, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """A service that lets each caller ask once a second, and twice at once; no second passes."""
    monkeypatch.setattr(limits, "Buckets", partial(Buckets, clock=lambda: 0.0))
    with wired(tmp_path, limits=SLOW) as web, asking(web) as made:
        yield made


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/" + "a" * 3_000, {}, 414),
        ("/health?" + "a" * 5_000, {}, 414),
        ("/health", {"X-Long": "a" * 17_000}, 431),
        ("/health", {f"X-{n}": "a" for n in range(101)}, 431),
        ("/health%00", {}, 400),
        ("/health%FF", {}, 400),
        ("/health", {"Transfer-Encoding": "chunked", "Content-Length": "3"}, 400),
        ("/health", {"Content-Length": "9" * 30}, 413),
    ],
)
def test_a_request_that_is_too_large_or_none_is_refused_as_what_it_is(
    client: TestClient, path: str, headers: dict[str, str], status: int
) -> None:
    answer = client.get(path, headers=headers)
    assert (answer.status_code, answer.headers["connection"]) == (status, "close")
    assert answer.json()["status"] == status


def test_a_body_is_bounded_whatever_length_it_claims(client: TestClient, queries: Queries) -> None:
    most = Limits().body

    def parts() -> Iterator[bytes]:
        for _ in range(most // 1_000 + 2):
            yield b" " * 1_000

    for content in (b" " * (most + 1), parts()):
        assert client.post("/api/people/record", headers=SIGNED, content=content).status_code == 413
    assert queries.asked == []
    assert client.post("/api/people/record", headers=SIGNED, content=b" " * most).status_code == 400


def test_a_caller_who_asks_too_often_is_told_when_to_come_again(slow: TestClient, queries: Queries) -> None:
    answers = [slow.get(RECORD, headers=SIGNED) for _ in range(4)]
    assert [one.status_code for one in answers[:2]] == [200, 200]
    assert answers[-1].status_code == 429
    assert answers[-1].headers["retry-after"] == "1"
    assert slow.get("/metrics", headers=AN_OPERATOR).status_code == 200


def test_who_guesses_tokens_is_slowed_down_before_who_has_one(slow: TestClient, queries: Queries) -> None:
    guess = {"Authorization": f"Bearer {'x' * 50}", **WHY}
    answers = [slow.get(RECORD, headers=guess).status_code for _ in range(5)]
    assert answers[0] == 401
    assert answers[-1] == 429
    assert queries.asked == []


def test_an_answer_that_does_not_come_in_time_is_given_up(tmp_path: Path, queries: Queries) -> None:
    goes_on = Event()
    queries.before = lambda: goes_on.wait(WITHIN_S)
    with wired(tmp_path, limits=Limits(answer_s=0.05)) as web, asking(web) as client:
        answer = client.get(RECORD, headers=SIGNED)
        goes_on.set()
    assert (answer.status_code, answer.json()["detail"]) == (503, "it took too long: ask again")


def test_where_too_many_wait_the_next_is_told_at_once(tmp_path: Path, queries: Queries) -> None:
    """And what is no question to the ledger is answered all the same."""
    goes_on = Event()
    queries.before = lambda: goes_on.wait(WITHIN_S)
    statuses: list[int] = []
    with wired(tmp_path, limits=Limits(waiting=2), pool=1) as web, asking(web) as client:
        threads = [
            Thread(target=lambda: statuses.append(client.get(RECORD, headers=SIGNED).status_code)) for _ in range(3)
        ]
        for one in threads:
            one.start()
        until(lambda: web.workers[0].room == 0, "all wait")
        assert client.get(RECORD, headers=SIGNED).status_code == 503
        assert client.get("/health").status_code == 200
        goes_on.set()
        for one in threads:
            one.join(WITHIN_S)
        assert statuses == [200] * 3
        until(lambda: web.workers[0].room == 3, "their places are free again")


def test_a_bucket_fills_with_time_and_never_over_its_rim() -> None:
    now = [100.0]
    buckets = Buckets(rate=2.0, burst=4.0, clock=lambda: now[0])
    assert [buckets.take("a") for _ in range(5)] == [0, 0, 0, 0, 0.5]
    assert buckets.take("b") == 0
    now[0] += 0.5
    assert [buckets.take("a"), buckets.take("a")] == [0, 0.5]
    now[0] += 3_600
    assert [buckets.take("a") for _ in range(5)] == [0, 0, 0, 0, 0.5]


def test_what_is_charged_is_paid_before_the_next_request() -> None:
    now = [0.0]
    buckets = Buckets(rate=1.0, burst=10.0, clock=lambda: now[0])
    buckets.charge("a", 100)
    assert buckets.take("a") == 1.0


def test_as_many_buckets_are_kept_as_was_said() -> None:
    buckets = Buckets(rate=1.0, burst=1.0, clock=lambda: 0.0, kept=2)
    assert [buckets.take(key) for key in "abc"] == [0, 0, 0]
    assert [buckets.take("c"), buckets.take("a")] == [1.0, 0]


def test_threads_end_with_the_face() -> None:
    workers = Workers(2, 1)
    workers.close()
    assert workers.room == 3
