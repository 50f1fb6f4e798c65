"""Points systems and triggers (spec 6, 13.7, 13.10)."""

from __future__ import annotations

import pytest
from trophy import CreatePointsSystemRequestItem, CreatePointsTriggerRequestItem

from world import Noon, World, issue, refused, values


def test_system_create_get_list_update_delete(tenant: World) -> None:
    admin = tenant.api.admin.points.systems
    answer = admin.create(
        request=[
            CreatePointsSystemRequestItem(name="XP", key="xp"),
            {"name": "Energy", "key": "energy", "description": "D", "maxPoints": 100, "badge": {"url": "https://e.com/b"}},
        ]
    )
    assert not answer.issues
    xp, energy = answer.created
    assert (xp.description, xp.status, xp.badge, xp.max_points) == ("", "active", None, None)
    assert (energy.description, energy.max_points, energy.badge.url) == ("D", 100, "https://e.com/b")
    assert [set(item) & {"levels", "boosts", "triggers"} for item in tenant.body()["created"]] == [set(), set()]
    assert [item.id for item in admin.list()] == [xp.id, energy.id]
    assert admin.get(energy.id).max_points == 100

    changed = admin.update(request=[{"id": energy.id, "name": "E", "maxPoints": None, "badge": None}]).updated[0]
    assert (changed.name, changed.description, changed.max_points, changed.badge) == ("E", "D", None, None)
    assert [item.id for item in admin.delete(ids=[xp.id]).deleted] == [xp.id]
    assert [item.id for item in admin.list()] == [energy.id]
    with refused(404):
        admin.get(xp.id)
    with refused(404):
        tenant.api.points.system("xp")


def test_system_with_everything_at_once(world: World) -> None:
    metric = world.metric()
    item = {
        "name": "XP",
        "key": world.name("xp"),
        "levels": [{"name": "Bronze", "key": "bronze", "points": 0}, {"name": "Silver", "key": "silver", "points": 50}],
        "triggers": [
            {"type": "metric", "points": 10, "status": "active", "metricId": metric.id, "metricThreshold": 1},
            {"type": "user_creation", "points": 5},
        ],
    }
    system = world.api.admin.points.systems.create(request=[item]).created[0]
    assert [(level.key, level.points, level.description) for level in system.levels] == [
        ("bronze", 0, ""),
        ("silver", 50, ""),
    ]
    assert [(trigger.type, trigger.points, trigger.status) for trigger in system.triggers] == [
        ("metric", 10, "active"),
        ("user_creation", 5, "inactive"),
    ]
    assert "boosts" not in world.body()["created"][0]
    assert world.event(metric, "ada", 5).points[system.key].level.key == "silver"
    assert len(world.api.admin.points.levels.list(system.id)) == 2
    assert len(world.api.admin.points.triggers.list(system.id)) == 2


def test_a_bad_part_refuses_the_whole_system(world: World) -> None:
    item = {"name": "XP", "key": world.name("xp"), "triggers": [{"type": "user_creation", "points": 0}]}
    issue(world.api.admin.points.systems.create(request=[item]), index=0)
    item = {"name": "XP", "key": world.name("xp"), "levels": [{"name": "L", "key": "l", "points": -1}]}
    issue(world.api.admin.points.systems.create(request=[item]), index=0)
    with refused(404):
        world.api.points.system(world.name("xp"))
    assert world.system("xp").key == world.name("xp"), "the key was not taken"


@pytest.mark.parametrize("item", [{"maxPoints": 0}, {"maxPoints": 1.5}, {"name": 5}, {"key": "a b"}, {"key": None}])
def test_systems_that_cannot_be_created(world: World, item: dict) -> None:
    body = [{"name": "XP", "key": world.name("xp")} | item]
    answer = world.raw.post("/admin/v1/points", json=body)
    assert (answer.status_code, answer.json()["created"]) == (200, [])
    assert [found["index"] for found in answer.json()["issues"]] == [0]


def test_triggers_of_each_type(world: World) -> None:
    metric, achievement, system = world.metric(), world.achievement("api", key=world.name("api")), world.system()
    source, plan = world.attribute("source", "event"), world.attribute("plan")
    admin = world.api.admin.points.triggers
    answer = admin.create(
        system.id,
        request=[
            CreatePointsTriggerRequestItem(type="metric", points=3, metric_id=metric.id, metric_threshold=2),
            CreatePointsTriggerRequestItem(type="streak", points=-4, streak_length=7, status="active"),
            CreatePointsTriggerRequestItem(type="achievement", points=5, achievement_id=achievement.id),
            CreatePointsTriggerRequestItem(type="user_creation", points=6, block_if_out_of_points=False),
        ],
    )
    assert not answer.issues
    bodies = world.body()["created"]
    assert [set(body) - {"id", "type", "points", "status", "userAttributes", "blockIfOutOfPoints"} for body in bodies] == [
        {"metricId", "metricThreshold", "eventAttributes"},
        {"streakLength"},
        {"achievementId"},
        set(),
    ]
    assert [(item.points, item.status) for item in answer.created] == [
        (3, "inactive"),
        (-4, "active"),
        (5, "inactive"),
        (6, "inactive"),
    ]
    first = answer.created[0]
    assert admin.get(system.id, first.id) == first
    assert [item.id for item in admin.list(system.id)] == [item.id for item in answer.created]

    change = {
        "id": first.id,
        "points": 30,
        "userAttributes": [{"attributeId": plan.id, "attributeValue": "pro"}],
        "eventAttributes": [{"attributeId": source.id, "attributeValue": "web"}],
    }
    changed = admin.update(system.id, request=[change]).updated[0]
    assert (changed.points, changed.metric_threshold) == (30, 2)
    assert [item.attribute_value for item in (*changed.user_attributes, *changed.event_attributes)] == ["pro", "web"]
    cleared = admin.update(
        system.id, request=[{"id": first.id, "userAttributes": None, "eventAttributes": None}]
    ).updated[0]
    assert (cleared.user_attributes, cleared.event_attributes) == ([], [])
    retyped = admin.update(system.id, request=[{"id": first.id, "type": "streak", "streakLength": 2}]).updated[0]
    assert (retyped.type, retyped.streak_length) == ("streak", 2)
    issue(admin.update(system.id, request=[{"id": first.id, "metricThreshold": 2}]), id=first.id)

    assert [item.id for item in admin.delete(system.id, ids=[first.id]).deleted] == [first.id]
    with refused(404):
        admin.get(system.id, first.id)


@pytest.mark.parametrize(
    "item",
    [
        {"type": "metric", "points": 1},
        {"type": "metric", "points": 1, "metricId": "00000000-0000-7000-8000-000000000000", "metricThreshold": 1},
        {"type": "streak", "points": 1},
        {"type": "streak", "points": 1, "streakLength": 0},
        {"type": "achievement", "points": 1},
        {"type": "user_creation", "points": 1.5},
        {"type": "user_creation"},
        {"type": "sunshine", "points": 1},
    ],
)
def test_triggers_that_cannot_be_created(world: World, item: dict) -> None:
    answer = world.raw.post(f"/admin/v1/points/{world.system().id}/triggers", json=[item])
    assert (answer.status_code, answer.json()["created"]) == (200, [])
    assert [found["index"] for found in answer.json()["issues"]] == [0]


def test_the_application_view_of_a_system(world: World) -> None:
    metric, achievement, plan = world.metric(), world.achievement("api", key=world.name("api")), world.attribute("plan")
    system = world.system(description="D", maxPoints=1000, badge={"url": "https://e.com/b"})
    filters = [{"attributeId": plan.id, "attributeValue": "pro"}]
    world.trigger(system, "metric", 3, metricId=metric.id, metricThreshold=2, userAttributes=filters)
    world.trigger(system, "streak", 4, streakLength=7)
    world.trigger(system, "achievement", 5, achievementId=achievement.id)
    world.trigger(system, "user_creation", 6, status="inactive")
    seen = world.api.points.system(system.key)
    assert (seen.id, seen.name, seen.description, seen.max_points) == (system.id, system.name, "D", 1000)
    assert seen.badge_url == "https://e.com/b"
    assert world.body()["key"] == system.key
    assert [(item.type, item.points, item.status) for item in seen.triggers] == [
        ("metric", 3, "active"),
        ("streak", 4, "active"),
        ("achievement", 5, "active"),
    ]
    by_metric, by_streak, by_achievement = seen.triggers
    assert (by_metric.metric_id, by_metric.metric_name, by_metric.metric_threshold) == (metric.id, metric.name, 2)
    assert (by_metric.event_attributes, values(by_metric.user_attributes)) == ([], [(plan.key, "pro")])
    assert by_streak.streak_length_threshold == 7
    assert (by_achievement.achievement_id, by_achievement.achievement_name) == (achievement.id, achievement.name)
    with refused(404):
        world.api.points.system(world.name("nothing"))


def test_awards_of_a_user(world: World) -> None:
    system = world.system()
    metric = world.paying(system, "metric", 2)
    for value in (1, 2, 3):
        answer = world.event(metric, "ada", value)
        points = answer.points[system.key]
        assert (points.id, points.key, points.name) == (system.id, system.key, system.name)
        assert (points.added, [award.awarded for award in points.awards]) == (2 * value, [2 * value])
        assert points.awards[0].total == points.total
    read = world.api.users.points(world.name("ada"), system.key)
    assert (read.total, read.level) == (12, None)
    assert [(award.awarded, award.total) for award in read.awards] == [(6, 12), (4, 6), (2, 2)]
    assert read.awards[0].trigger.metric_id == metric.id
    assert [award.awarded for award in world.api.users.points(world.name("ada"), system.key, awards=1).awards] == [6]
    for wrong in (0, 101):
        with refused(422):
            world.api.users.points(world.name("ada"), system.key, awards=wrong)
    with refused(404):
        world.api.users.points(world.name("nobody"), system.key)
    with refused(404):
        world.api.users.points(world.name("ada"), world.name("nothing"))


def test_a_user_without_points(world: World) -> None:
    system = world.system()
    world.api.users.create(id=world.name("ada"))
    read = world.api.users.points(world.name("ada"), system.key)
    assert (read.total, read.awards, read.level) == (0, [], None)
    assert "level" in world.body()


def test_ten_awards_by_default(world: World) -> None:
    system = world.system()
    metric = world.paying(system, "metric", 1)
    for _ in range(12):
        world.event(metric, "ada", 1)
    assert [award.total for award in world.api.users.points(world.name("ada"), system.key).awards] == list(range(12, 2, -1))


def test_streak_trigger_pays_for_an_extension(tenant: World, noon: Noon) -> None:
    metric, system = tenant.metric(), tenant.system()
    tenant.api.admin.streaks.settings.update(metrics=[{"key": metric.key, "threshold": 1}])
    tenant.trigger(system, "streak", 50, streakLength=1)
    tenant.trigger(system, "streak", 70, streakLength=2)
    assert tenant.event(metric, "ada", 1, tz=noon.zone).points[system.key].added == 50
    assert tenant.event(metric, "ada", 1).points == {}


def test_achievement_trigger_pays_in_the_event_that_completes(world: World) -> None:
    metric, system = world.metric(), world.system()
    achievement = world.achievement("metric", metricId=metric.id, metricValue=5)
    world.trigger(system, "achievement", 40, achievementId=achievement.id)
    world.trigger(system, "metric", 1, metricId=metric.id, metricThreshold=1)
    points = world.event(metric, "ada", 5).points[system.key]
    assert points.added == 45
    assert [(award.trigger.type, award.awarded, award.total) for award in points.awards] == [
        ("metric", 5, 5),
        ("achievement", 40, 45),
    ]


def test_user_creation_trigger_pays_at_the_first_sight(tenant: World) -> None:
    metric, system = tenant.metric(), tenant.system()
    tenant.trigger(system, "user_creation", 15)
    tenant.api.users.create(id=tenant.name("ada"))
    assert tenant.api.users.points(tenant.name("ada"), system.key).total == 15
    assert tenant.event(metric, "ada", 1).points == {}
    points = tenant.event(metric, "eve", 1).points[system.key]
    assert (points.added, points.awards[0].trigger.type) == (15, "user_creation")
    tenant.api.users.identify(tenant.name("ada"), name="Ada")
    assert tenant.api.users.points(tenant.name("ada"), system.key).total == 15


def test_filters_of_triggers(world: World) -> None:
    metric, system = world.metric(), world.system()
    source, plan = world.attribute("source", "event"), world.attribute("plan")
    world.trigger(
        system,
        "metric",
        10,
        metricId=metric.id,
        metricThreshold=5,
        eventAttributes=[{"attributeId": source.id, "attributeValue": "web"}],
        userAttributes=[{"attributeId": plan.id, "attributeValue": "pro"}],
    )
    user = {"id": world.name("ada"), "attributes": {plan.key: "pro"}}

    def send(value: float, source_value: str) -> int:
        answer = world.api.metrics.event(metric.key, user=user, value=value, attributes={source.key: source_value})
        return answer.points[system.key].added if answer.points else 0

    assert send(50, "mobile") == 0
    assert send(4, "web") == 0
    assert send(1, "web") == 10, "what counts is the sum of matching events"
    assert world.event(metric, "other", 50, attributes={source.key: "web"}).points == {}


def test_a_trigger_activated_later_pays_nothing_for_the_past(world: World) -> None:
    metric, system = world.metric(), world.system()
    trigger = world.trigger(system, "metric", 10, "inactive", metricId=metric.id, metricThreshold=5)
    assert world.event(metric, "ada", 23).points == {}
    world.api.admin.points.triggers.update(system.id, request=[{"id": trigger.id, "status": "active"}])
    assert world.event(metric, "ada", 1).points == {}
    assert world.event(metric, "ada", 1).points[system.key].added == 10, "25 is the next multiple"


def test_deleted_triggers_stop_and_stay_in_old_awards(world: World) -> None:
    metric, system = world.metric(), world.system()
    trigger = world.trigger(system, "metric", 1, metricId=metric.id, metricThreshold=1)
    world.event(metric, "ada", 1)
    world.api.admin.points.triggers.delete(system.id, ids=[trigger.id])
    assert world.event(metric, "ada", 1).points == {}
    awards = world.api.users.points(world.name("ada"), system.key).awards
    assert [(award.trigger.id, award.trigger.status) for award in awards] == [(trigger.id, "archived")]
    assert world.api.points.system(system.key).triggers == []
