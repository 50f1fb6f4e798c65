"""Levels of points systems (spec 6.8, 13.8)."""

from __future__ import annotations

import pytest
from trophy import CreatePointsLevelRequestItem, PatchPointsLevelsRequestItem

from world import World, issue, refused


def test_create_get_list_update_delete(world: World) -> None:
    admin, system = world.api.admin.points.levels, world.system()
    answer = admin.create(
        system.id,
        request=[
            CreatePointsLevelRequestItem(name="Gold", key="gold", points=200),
            {"name": "Bronze", "key": "bronze", "points": 0, "description": "D", "badge": {"url": "https://e.com/b"}},
        ],
    )
    assert not answer.issues
    gold, bronze = answer.created
    assert (gold.points, gold.description, gold.badge) == (200, "", None)
    assert (bronze.points, bronze.description, bronze.badge.url) == (0, "D", "https://e.com/b")
    assert admin.get(system.id, gold.id) == gold
    assert [item.id for item in admin.list(system.id)] == [gold.id, bronze.id], "in the order of creation"
    changed = admin.update(system.id, request=[PatchPointsLevelsRequestItem(id=bronze.id, points=5, badge=None)]).updated[0]
    assert (changed.points, changed.badge, changed.description) == (5, None, "D")
    assert [(level.key, level.points, level.badge_url) for level in world.api.points.levels(system.key)] == [
        ("bronze", 5, None),
        ("gold", 200, None),
    ], "ascending by points"
    assert [item.id for item in admin.delete(system.id, ids=[gold.id]).deleted] == [gold.id]
    with refused(404):
        admin.get(system.id, gold.id)
    with refused(404):
        world.api.points.levels(world.name("nothing"))


@pytest.mark.parametrize("item", [{"points": -1}, {"points": 1.5}, {"key": "a b"}, {"name": None}])
def test_levels_that_cannot_be_created(world: World, item: dict) -> None:
    body = [{"name": "L", "key": "l", "points": 1} | item]
    answer = world.raw.post(f"/admin/v1/points/{world.system().id}/levels", json=body)
    assert (answer.status_code, answer.json()["created"]) == (200, [])
    assert [found["index"] for found in answer.json()["issues"]] == [0]


def test_keys_and_thresholds_are_unique_in_a_system(world: World) -> None:
    admin = world.api.admin.points.levels
    one, two = world.system("one"), world.system("two")
    level = {"name": "L", "key": "l", "points": 1}
    for system in (one, two):
        assert not admin.create(system.id, request=[level]).issues
    assert "already in use" in issue(admin.create(one.id, request=[level | {"points": 2}]), index=0)
    issue(admin.create(one.id, request=[level | {"key": "m"}]), index=0)


def test_level_summary(tenant: World) -> None:
    system = tenant.system()
    metric = tenant.paying(system, "metric", 1)
    with refused(422):
        tenant.api.points.level_summary(system.key)
    for key, points in [("silver", 50), ("bronze", 10), ("gold", 200)]:
        tenant.api.admin.points.levels.create(system.id, request=[{"name": key, "key": key, "points": points}])
    for user, value in [("a", 5), ("b", 10), ("c", 49), ("d", 250)]:
        tenant.event(metric, user, value)
    summary = tenant.api.points.level_summary(system.key)
    assert [(item.level.key, item.users) for item in summary] == [("bronze", 2), ("silver", 0), ("gold", 1)]
    with refused(404):
        tenant.api.points.level_summary("nothing")


def test_a_zero_level_holds_every_user(tenant: World) -> None:
    system = tenant.system()
    metric = tenant.paying(system, "metric", 1)
    for key, points in [("bronze", 0), ("silver", 50)]:
        tenant.api.admin.points.levels.create(system.id, request=[{"name": key, "key": key, "points": points}])
    tenant.event(metric, "rich", 60)
    tenant.api.users.create(id=tenant.name("fresh"))
    summary = tenant.api.points.level_summary(system.key)
    assert [(item.level.key, item.users) for item in summary] == [("bronze", 1), ("silver", 1)]
    assert tenant.api.users.points(tenant.name("fresh"), system.key).level.key == "bronze"
    assert tenant.event(metric, "fresh", 1).points[system.key].level.key == "bronze", "the first award reports it"
    tenant.event(metric, "fresh", 1)
    assert "level" not in tenant.body()["points"][system.key]
