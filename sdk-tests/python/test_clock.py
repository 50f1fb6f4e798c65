"""The test clock of an environment: our extension, called over plain HTTP beside the client (design 8)."""

from __future__ import annotations

import uuid
from typing import Any

import httpx

from process import ADMIN_KEY, Server
from world import World


def staged(server: Server) -> World:
    """A caller in an environment that nobody else uses."""
    item = {"name": "Made by a test", "key": f"dev-{uuid.uuid4().hex[:8]}", "type": "development"}
    answer = httpx.post(f"{server.url}/admin/v1/environments", headers={"X-API-KEY": ADMIN_KEY}, json=item)
    assert answer.status_code == 201, answer.text
    return World(server.url, answer.json()["adminKey"])


def clock(world: World, now: str | None) -> httpx.Response:
    """Moves the clock of the environment."""
    headers: dict[str, Any] = {"X-API-KEY": world.key}
    return httpx.put(f"{world.url}/admin/v1/clock", headers=headers, json={"now": now}, timeout=60)


def test_a_streak_breaks_when_the_clock_moves(single: Server) -> None:
    world = staged(single)
    assert clock(world, "2026-01-06T12:00:00Z").json() == {
        "mode": "test",
        "now": "2026-01-06T12:00:00.000Z",
        "movingTo": None,
    }
    metric = world.metric()
    world.api.admin.streaks.settings.update(metrics=[{"key": metric.key, "threshold": 1}])
    event = world.event(metric, "ada", 1)
    assert event.current_streak.length == 1
    assert str(event.current_streak.started) == "2026-01-06"
    assert clock(world, "2026-01-07T23:59:59Z").status_code == 200
    assert world.api.users.streak(world.name("ada")).length == 1
    assert clock(world, "2026-01-08T00:00:00Z").status_code == 200
    assert world.api.users.streak(world.name("ada")).length == 0
    assert clock(world, "2026-01-07T00:00:00Z").status_code == 422
    # Production goes on by itself.
    assert clock(World(single.url, ADMIN_KEY), "2040-01-01T00:00:00Z").status_code == 422
