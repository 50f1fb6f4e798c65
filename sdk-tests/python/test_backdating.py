"""Achievements that existing users already meet when they become active or are edited (spec 4.4)."""

from __future__ import annotations

from world import Noon, World, eventually


def test_on_creation_as_active(tenant: World) -> None:
    metric = tenant.metric()
    for user, value in [("ada", 10), ("bob", 3), ("eve", 12)]:
        tenant.event(metric, user, value)
    achievement = tenant.achievement("metric", metricId=metric.id, metricValue=10)
    eventually(lambda: achievement.id in tenant.held("ada") and achievement.id in tenant.held("eve"))
    assert tenant.held("bob") == {}
    found = next(item for item in tenant.api.achievements.all_() if item.id == achievement.id)
    assert (found.completions, found.rarity) == (2, 66.67)
    assert tenant.event(metric, "ada", 1).achievements == []


def test_on_activation(world: World) -> None:
    metric = world.metric()
    world.event(metric, "ada", 10)
    achievement = world.achievement("metric", status="inactive", metricId=metric.id, metricValue=10)
    assert world.held("ada") == {}
    world.api.admin.achievements.update(request=[{"id": achievement.id, "status": "active"}])
    eventually(lambda: achievement.id in world.held("ada"))


def test_on_an_edit_of_an_active_one(world: World) -> None:
    metric = world.metric()
    achievement = world.achievement("metric", metricId=metric.id, metricValue=100)
    world.event(metric, "ada", 10)
    assert world.held("ada") == {}
    world.api.admin.achievements.update(request=[{"id": achievement.id, "metricValue": 10}])
    eventually(lambda: achievement.id in world.held("ada"))


def test_filters_count_for_the_past_too(world: World) -> None:
    metric, source = world.metric(), world.attribute("source", "event")
    world.event(metric, "ada", 10, attributes={source.key: "web"})
    world.event(metric, "bob", 10, attributes={source.key: "mobile"})
    filters = [{"attributeId": source.id, "attributeValue": "web"}]
    achievement = world.achievement("metric", metricId=metric.id, metricValue=10, eventAttributes=filters)
    eventually(lambda: achievement.id in world.held("ada"))
    assert world.held("bob") == {}


def test_composites_and_points(world: World) -> None:
    metric, system = world.metric(), world.system()
    achievement = world.achievement("metric", status="inactive", metricId=metric.id, metricValue=1)
    composite = world.achievement("achievement", achievementIds=[achievement.id])
    world.trigger(system, "achievement", 9, achievementId=achievement.id)
    world.event(metric, "ada", 1)
    world.api.admin.achievements.update(request=[{"id": achievement.id, "status": "active"}])
    eventually(lambda: set(world.held("ada")) == {achievement.id, composite.id})
    eventually(lambda: world.api.users.points(world.name("ada"), system.key).total == 9)


def test_streaks_and_anniversaries(tenant: World, noon: Noon) -> None:
    metric = tenant.metric()
    tenant.api.admin.streaks.settings.update(metrics=[{"key": metric.key, "threshold": 1}])
    tenant.event(metric, "ada", 1, tz=noon.zone, signUpDate="2015-01-01")
    tenant.event(metric, "bob", 0.5, tz=noon.zone)
    streak = tenant.achievement("streak", streakLength=1)
    anniversary = tenant.achievement("anniversary", anniversaryYears=3)
    eventually(lambda: set(tenant.held("ada")) == {streak.id, anniversary.id})
    assert tenant.held("bob") == {}
