"""The process around the API: readiness, the published description, and what survives a restart."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

import contract
from process import ADMIN_KEY, NotRunnable, Server
from world import Noon, World


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_needs_no_key(single: Server, path: str) -> None:
    assert httpx.get(single.url + path).status_code == 200


@pytest.mark.parametrize("api", ["application", "admin"])
def test_the_description_names_every_implemented_operation(single: Server, api: str) -> None:
    answer = httpx.get(f"{single.url}/openapi/{api}.json")
    assert answer.status_code == 200
    description = answer.json()
    assert description["openapi"].startswith("3.1")
    described = {
        (method, path[path.index("v1") + 2 :] if path.startswith(("/v1", "/admin/v1")) else path)
        for path, item in description["paths"].items()
        for method in item
    }
    wanted = {
        (operation.method, operation.template)
        for operation in contract.OPERATIONS
        if operation.api == api
    }

    def nameless(operations: set[tuple[str, str]]) -> set[tuple[str, str]]:
        """Without the names of path parameters, which are ours to choose."""
        return {
            (method, "/".join("{}" if part.startswith("{") else part for part in path.split("/")))
            for method, path in operations
        }

    assert nameless(wanted) <= nameless(described)


def test_counters_are_published_without_secrets(single: Server, world: World) -> None:
    world.event(world.metric(), "ada", 1)
    text = httpx.get(f"{single.url}/metrics").text
    assert "requests" in text
    assert ADMIN_KEY.partition(".")[2] not in text
    assert ADMIN_KEY.partition(".")[2] not in single.log_tail()


@pytest.fixture
def own(store: str) -> Iterator[Server]:
    """A server of this test alone, to be stopped and started."""
    try:
        server = Server(store, multi_tenancy=False)
    except NotRunnable as missing:
        pytest.fail(str(missing), pytrace=False)
    yield server
    server.close()


def test_a_restart_keeps_everything(own: Server, noon: Noon) -> None:
    world = World(own.url, ADMIN_KEY)
    system = world.system()
    metric = world.paying(system, "metric", 10)
    world.api.admin.streaks.settings.update(metrics=[{"key": metric.key, "threshold": 1}])
    achievement = world.achievement("metric", metricId=metric.id, metricValue=3)
    board = world.board(rankBy="metric", metricId=metric.id)
    user = {"id": world.name("ada"), "name": "Ada", "tz": noon.zone}
    first = world.api.metrics.event(metric.key, user=user, value=3.5, idempotency_key="k")
    world.event(metric, "bob", 5, tz=noon.zone)
    key = world.api.admin.application_api_keys.create(request=[{"userId": world.name("ada")}]).created[0].key
    world.close()

    own.stop()
    own.start()

    world = World(own.url, ADMIN_KEY, None, world.prefix)
    replay = world.api.metrics.event(metric.key, user=user, value=3.5, idempotency_key="k")
    assert (replay.idempotent_replayed, replay.event_id, replay.total) == (True, first.event_id, 3.5)
    assert world.api.users.get(world.name("ada")).name == "Ada"
    assert world.api.users.points(world.name("ada"), system.key).total == 30
    assert world.api.users.streak(world.name("ada")).length == 1
    assert set(world.held("ada")) == {achievement.id}
    assert world.ranking(board) == [("bob", 1, 5), ("ada", 2, 4)]
    answer = world.event(metric, "ada", 2)
    assert (answer.total, answer.leaderboards[board.key].previous_rank, answer.leaderboards[board.key].rank) == (5.5, 2, 1)
    user_caller = world.with_key(key)
    assert user_caller.api.users.get(world.name("ada")).id == world.name("ada")
    user_caller.close()
    world.close()
