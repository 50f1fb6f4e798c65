"""What was acknowledged is there, however the process ends; what is sent again counts once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

import httpx
import pytest

from process import ADMIN_KEY, NotRunnable, Server
from world import World

WRITERS = 8
ACKNOWLEDGED_BEFORE_THE_END = 200


@pytest.fixture
def own(store: str) -> Iterator[Server]:
    """A server of this test alone, to be stopped and started."""
    try:
        server = Server(store, multi_tenancy=False)
    except NotRunnable as missing:
        pytest.fail(str(missing), pytrace=False)
    yield server
    server.close()


def send(client: httpx.Client, url: str, metric: str, writer: int, number: int) -> httpx.Response:
    """One event with a key of its own."""
    return client.post(
        f"{url}/v1/metrics/{metric}/event",
        headers={"X-API-KEY": ADMIN_KEY, "Idempotency-Key": f"{writer}-{number}"},
        json={"user": {"id": f"writer-{writer}"}, "value": 1},
    )


def total(url: str, metric: str, writer: int) -> int:
    """What the server has counted for a writer."""
    answer = httpx.get(f"{url}/v1/users/writer-{writer}/metrics/{metric}", headers={"X-API-KEY": ADMIN_KEY})
    return 0 if answer.status_code == 404 else int(answer.json()["current"])


@pytest.mark.parametrize("ending", ["SIGTERM", "SIGKILL"])
def test_nothing_acknowledged_is_lost_and_nothing_counts_twice(own: Server, ending: str) -> None:
    world = World(own.url, ADMIN_KEY)
    metric = world.metric().key
    world.close()
    acknowledged = [0] * WRITERS
    sent = [0] * WRITERS
    enough = threading.Event()
    url = own.url

    def write(writer: int) -> None:
        with httpx.Client(timeout=10) as client:
            while True:
                sent[writer] += 1
                try:
                    answer = send(client, url, metric, writer, sent[writer])
                except httpx.HTTPError:
                    return
                if answer.status_code != 201:
                    assert answer.status_code == 503, answer.text
                    return
                acknowledged[writer] += 1
                if sum(acknowledged) >= ACKNOWLEDGED_BEFORE_THE_END:
                    enough.set()

    writers = [threading.Thread(target=write, args=(number,)) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    assert enough.wait(60)
    if ending == "SIGTERM":
        own.stop()
    else:
        process, own.process = own.process, None
        assert process is not None
        process.send_signal(signal.SIGKILL)
        process.wait()
    for writer in writers:
        writer.join()
    own.start()

    for writer in range(WRITERS):
        assert acknowledged[writer] <= total(own.url, metric, writer) <= sent[writer]
    with httpx.Client(timeout=10) as client:
        for writer in range(WRITERS):
            for number in range(1, sent[writer] + 1):
                answer = send(client, own.url, metric, writer, number)
                if number <= acknowledged[writer]:
                    assert answer.status_code == 202, answer.text
                else:
                    assert answer.status_code in (201, 202), answer.text
            assert total(own.url, metric, writer) == sent[writer]
