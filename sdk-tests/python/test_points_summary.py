"""How points are spread over users, and what happened to a user's points over time (spec 6.9, 6.10)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from world import Noon, World, refused


def spread(world: World, system, **query: str) -> list[tuple[int, int, int]]:
    """The ranges that hold somebody, after a look at all eleven."""
    ranges = [(item.from_, item.to, item.users) for item in world.api.points.summary(system.key, **query)]
    assert len(ranges) == 11
    assert ranges[0][:2] == (0, 0)
    assert ranges[1][0] == 1
    width = ranges[1][1]
    assert [item[:2] for item in ranges[1:]] == [(n * width + 1, (n + 1) * width) for n in range(10)]
    return [item for item in ranges if item[2]]


def test_nobody_is_anywhere(tenant: World) -> None:
    system = tenant.system()
    assert spread(tenant, system) == []
    assert tenant.body()[10] == {"from": 10, "to": 10, "users": 0}


def test_d6_upper_bound(tenant: World) -> None:
    system = tenant.system()
    metric = tenant.paying(system, "metric", 1)
    for total, top in [(7, 10), (10, 10), (11, 100), (512, 1000), (1000, 1000), (1001, 10_000)]:
        now = tenant.api.metrics.event(metric.key, user={"id": "rich"}, value=0).total
        tenant.api.metrics.event(metric.key, user={"id": "rich"}, value=total - now)
        assert [users for *_, users in spread(tenant, system)] == [1]
        assert tenant.body()[10]["to"] == top, total


def test_only_users_with_the_attributes_count(tenant: World) -> None:
    system = tenant.system()
    metric = tenant.paying(system, "metric", 1)
    city, plan = tenant.attribute("city"), tenant.attribute("plan")
    users = [("a", "london", "pro", 512), ("b", "london", "free", 60), ("c", "leeds", "pro", 5), ("idle", "london", "pro", 0)]
    for user, where, how, value in users:
        tenant.api.users.create(id=user, attributes={city.key: where, plan.key: how})
        if value:
            tenant.api.metrics.event(metric.key, user={"id": user}, value=value)
    tenant.api.users.create(id="plain")
    assert spread(tenant, system) == [(0, 0, 2), (1, 100, 2), (501, 600, 1)]
    london, pro = f"{city.key}:london", f"{plan.key}:pro"
    assert spread(tenant, system, user_attributes=london) == [(0, 0, 1), (1, 100, 1), (501, 600, 1)]
    assert spread(tenant, system, user_attributes=f"{london},{pro}") == [(0, 0, 1), (501, 600, 1)]
    leeds = f"{city.key}:leeds"
    assert spread(tenant, system, user_attributes=leeds) == [(5, 5, 1)], "the bound is that of the users who count"
    for nobody in (f"{city.key}:London", f"{london},{leeds}", "nothing:x"):
        assert spread(tenant, system, user_attributes=nobody) == []
    with refused(422):
        tenant.api.points.summary(system.key, user_attributes="city")
    with refused(404):
        tenant.api.points.summary("nothing")


@pytest.fixture
def system(world: World, noon: Noon):
    """A points system in which ada has earned 6 and lost 2 today."""
    system = world.system()
    gain, loss = world.paying(system, "gain", 3), world.paying(system, "loss", -2)
    world.event(gain, "ada", 2, tz=noon.zone)
    world.event(loss, "ada", 1)
    return system


def summary(world: World, system, aggregation: str, start: str, end: str) -> list[tuple[str, float, float]]:
    """The items of ada's summary as (date, total, change)."""
    items = world.api.users.points_event_summary(
        world.name("ada"), system.key, aggregation=aggregation, start_date=start, end_date=end
    )
    return [(item.date, item.total, item.change) for item in items]


def test_event_summary(world: World, noon: Noon, system) -> None:
    assert summary(world, system, "daily", noon.day(-2), noon.day(2)) == [
        (noon.day(-2), 0, 0),
        (noon.day(-1), 0, 0),
        (noon.day(0), 4, 4),
    ]
    sunday = noon.today - timedelta(days=(noon.today.weekday() + 1) % 7)
    assert summary(world, system, "weekly", noon.day(0), noon.day(1)) == [(sunday.isoformat(), 4, 4)]
    first = noon.today.replace(day=1)
    assert summary(world, system, "monthly", first.isoformat(), noon.day(1)) == [(first.isoformat(), 4, 4)]
    total = world.api.users.points(world.name("ada"), system.key).total
    assert total == 4


def test_event_summary_refusals(world: World, noon: Noon, system) -> None:
    for start, end in [(noon.day(0), noon.day(0)), (noon.day(0), noon.day(-1)), (noon.day(-401), noon.day(0)), ("x", "y")]:
        with refused(422):
            summary(world, system, "daily", start, end)
    with refused(422):
        summary(world, system, "hourly", noon.day(-1), noon.day(0))
    query = {"aggregation": "daily", "start_date": noon.day(-1), "end_date": noon.day(0)}
    with refused(404):
        world.api.users.points_event_summary(world.name("nobody"), system.key, **query)
    with refused(404):
        world.api.users.points_event_summary(world.name("ada"), world.name("nothing"), **query)
