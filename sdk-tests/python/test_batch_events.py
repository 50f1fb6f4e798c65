"""Events in batches: acknowledged at once, carried out soon, and not lost when the process is killed (spec 3.8, 1.11)."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import httpx
import pytest
from trophy.core.api_error import ApiError

from process import ADMIN_KEY, NotRunnable, Server
from world import World, eventually, refused


def reaches(total: float, world: World, metric: object, user: str) -> None:
    """Waits until the user's total is this; more than that is never right."""

    def look() -> bool | None:
        try:
            found = world.total(metric, user)
        except ApiError as error:
            # The user is made by the first of the events.
            assert error.status_code == 404, error
            return None
        assert found <= total
        return found == total or None

    eventually(look)


def test_a_batch_is_carried_out(world: World) -> None:
    metric, other = world.metric(), world.metric("other")
    answer = world.api.admin.metrics.batch_events(
        request=[
            {"key": metric.key, "user": {"id": world.name("ada"), "name": "Ada"}, "value": 1.5},
            {"key": other.key, "user": {"id": world.name("ada")}, "value": 7},
            {"key": metric.key, "user": {"id": world.name("bob")}, "value": 2, "idempotencyKey": "k"},
            {"key": metric.key, "user": {"id": world.name("bob")}, "value": 4, "idempotencyKey": "k"},
            {"key": metric.key, "user": {"id": world.name("ada"), "name": "Ada L."}, "value": 1},
        ]
    )
    assert world.last is not None
    assert (world.last.status_code, answer.accepted) == (202, 5)
    reaches(2.5, world, metric, "ada")
    reaches(7, world, other, "ada")
    reaches(2, world, metric, "bob")
    assert world.api.users.get(world.name("ada")).name == "Ada L."


def test_one_bad_item_refuses_all(world: World) -> None:
    metric = world.metric()
    good = {"key": metric.key, "user": {"id": world.name("ada")}, "value": 1}
    with refused(404) as caught:
        world.api.admin.metrics.batch_events(request=[good, good | {"key": world.name("nothing")}])
    assert "[1]" in caught.value.body["error"]
    with refused(400):
        world.api.admin.metrics.batch_events(request=[])
    with refused(400):
        world.api.admin.metrics.batch_events(request=[good] * 1001)
    with refused(404):
        world.api.users.get(world.name("ada"))


@pytest.fixture
def own(store: str) -> Iterator[Server]:
    """A server of this test alone, to be stopped and started."""
    try:
        server = Server(store, multi_tenancy=False)
    except NotRunnable as missing:
        pytest.fail(str(missing), pytrace=False)
    yield server
    server.close()


USERS = 7
SENDERS = 4
BATCHES = 3
KILLS = 3


def waiting(server: Server) -> int:
    """How many events wait in the store of a server that does not run."""
    count = "select count(*) from queued_event"
    if server.database is None:
        with closing(sqlite3.connect(server.folder / "data" / "kleos.db")) as connection:
            return int(connection.execute(count).fetchone()[0])
    command = ["psql", server.database.url, "--no-psqlrc", "--tuples-only", "--command", count]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def kill(server: Server) -> int:
    """Ends the process without a warning; answers how many events waited then."""
    process, server.process = server.process, None
    assert process is not None
    process.send_signal(signal.SIGKILL)
    process.wait()
    return waiting(server)


def test_what_was_acknowledged_counts_once_however_often_the_process_is_killed(own: Server) -> None:
    world = World(own.url, ADMIN_KEY)
    metric = world.metric()
    # Without keys: nothing but the queue can tell what was carried out.
    items = [{"key": metric.key, "user": {"id": world.name(f"u{number % USERS}")}, "value": 1} for number in range(1000)]

    def send(_: int) -> None:
        for _ in range(BATCHES):
            answer = httpx.post(
                f"{own.url}/admin/v1/metrics/events", headers={"X-API-KEY": ADMIN_KEY}, json=items, timeout=60
            )
            assert (answer.status_code, answer.json()) == (202, {"accepted": len(items)})

    with ThreadPoolExecutor(SENDERS) as senders:
        list(senders.map(send, range(SENDERS)))
    world.close()
    waited = []
    for _ in range(KILLS):
        waited.append(kill(own))
        own.start()
    assert waited[0] > 0, "the process must be killed while events wait"
    assert waited == sorted(waited, reverse=True)
    after = World(own.url, ADMIN_KEY, prefix=world.prefix)
    for number in range(USERS):
        expected = SENDERS * BATCHES * len(range(number, len(items), USERS))
        reaches(expected, after, metric, f"u{number}")
    assert kill(own) == 0
    own.start()
    after.close()
