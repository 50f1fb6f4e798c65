"""Achievements: the five triggers, filters, statuses, composites, completing by call (spec 4, 15.6)."""

from __future__ import annotations

import pytest
from trophy import CreateAchievementRequestItem, StreakSettingsMetric

from world import Noon, World, eventually, issue, refused, values


def test_admin_create_get_list_update_delete(tenant: World) -> None:
    admin, metric = tenant.api.admin.achievements, tenant.metric()
    source = tenant.attribute("source", "event")
    answer = admin.create(
        request=[
            CreateAchievementRequestItem(name="Plain", trigger="api", key="plain"),
            CreateAchievementRequestItem(
                name="Much", trigger="metric", metric_id=metric.id, metric_value=10.5, description="D", status="active"
            ),
        ]
    )
    assert not answer.issues
    plain, much = answer.created
    assert (plain.status, plain.description, plain.badge, plain.user_attributes) == ("inactive", None, None, [])
    assert (much.status, much.metric_id, much.metric_value, much.event_attributes) == ("active", metric.id, 10.5, [])
    assert admin.get(much.id) == much
    assert [item.id for item in admin.list()] == [plain.id, much.id]

    changes = {
        "id": much.id,
        "name": "More",
        "metricValue": 20,
        "badge": {"url": "https://example.com/b.png"},
        "eventAttributes": [{"attributeId": source.id, "attributeValue": "web"}],
    }
    more = admin.update(request=[changes]).updated[0]
    assert (more.name, more.metric_value, more.description) == ("More", 20, "D")
    assert more.badge.url == "https://example.com/b.png"
    assert [(item.attribute_id, item.attribute_value) for item in more.event_attributes] == [(source.id, "web")]
    cleared = {"id": much.id, "description": None, "badge": None, "eventAttributes": None, "userAttributes": None}
    less = admin.update(request=[cleared]).updated[0]
    assert (less.description, less.badge, less.event_attributes, less.user_attributes) == (None, None, [], [])

    assert [item.id for item in admin.delete(ids=[plain.id, much.id]).deleted] == [plain.id, much.id]
    assert admin.list() == []
    with refused(404):
        admin.get(much.id)


@pytest.mark.parametrize(
    "item",
    [
        {"trigger": "metric", "metricValue": 5},
        {"trigger": "metric", "metricId": "00000000-0000-7000-8000-000000000000", "metricValue": 5},
        {"trigger": "streak"},
        {"trigger": "streak", "streakLength": 0},
        {"trigger": "api"},
        {"trigger": "api", "key": "not a key"},
        {"trigger": "achievement"},
        {"trigger": "achievement", "achievementIds": []},
        {"trigger": "achievement", "achievementIds": ["00000000-0000-7000-8000-000000000000"]},
        {"trigger": "anniversary"},
        {"trigger": "anniversary", "anniversaryYears": 0},
        {"trigger": "sunshine"},
    ],
)
def test_items_that_cannot_be_created(world: World, item: dict) -> None:
    answer = world.raw.post("/admin/v1/achievements", json=[{"name": "N"} | item])
    assert answer.status_code == 200
    assert answer.json()["created"] == []
    assert [found["index"] for found in answer.json()["issues"]] == [0]


def test_keys_are_unique(world: World) -> None:
    taken = world.achievement("api", key=world.name("taken"))
    answer = world.api.admin.achievements.create(request=[{"name": "N", "trigger": "api", "key": taken.key}])
    assert "already in use" in issue(answer, index=0)


def test_update_refuses_members_of_other_triggers(world: World) -> None:
    admin, api = world.api.admin.achievements, world.achievement("api", key=world.name("api"))
    issue(admin.update(request=[{"id": api.id, "streakLength": 3}]), id=api.id)
    issue(admin.update(request=[{"id": api.id, "trigger": "streak"}]), id=api.id)
    changed = admin.update(request=[{"id": api.id, "trigger": "streak", "streakLength": 3}]).updated[0]
    assert (changed.trigger, changed.streak_length) == ("streak", 3)


def test_metric_trigger_completes_once(world: World) -> None:
    metric = world.metric()
    achievement = world.achievement("metric", metricId=metric.id, metricValue=10, description="Ten")
    world.achievement("metric", status="inactive", metricId=metric.id, metricValue=1)
    assert world.event(metric, "ada", 9.5).achievements == []
    done = world.event(metric, "ada", 0.5).achievements
    assert [(item.id, item.trigger, item.metric_value) for item in done] == [(achievement.id, "metric", 10)]
    assert (done[0].metric_id, done[0].metric_name, done[0].description) == (metric.id, metric.name, "Ten")
    assert done[0].achieved_at is not None
    assert world.event(metric, "ada", -10).achievements == []
    assert world.event(metric, "ada", 20).achievements == []
    assert world.held("ada")[achievement.id].achieved_at == done[0].achieved_at, "a fall takes nothing away"


def test_event_filters_count_a_filtered_sum(world: World) -> None:
    metric, source = world.metric(), world.attribute("source", "event")
    filters = [{"attributeId": source.id, "attributeValue": "web"}]
    achievement = world.achievement("metric", metricId=metric.id, metricValue=10, eventAttributes=filters)
    assert world.event(metric, "ada", 50).achievements == []
    assert world.event(metric, "ada", 50, attributes={source.key: "mobile"}).achievements == []
    assert world.event(metric, "ada", 9, attributes={source.key: "web"}).achievements == []
    done = world.event(metric, "ada", 1, attributes={source.key: "web"}).achievements
    assert [item.id for item in done] == [achievement.id]
    assert values(done[0].event_attributes) == [(source.key, "web")]
    assert (done[0].event_attribute.key, done[0].event_attribute.value) == (source.key, "web")


def test_user_filters_must_match(world: World) -> None:
    metric, plan = world.metric(), world.attribute("plan")
    filters = [{"attributeId": plan.id, "attributeValue": "pro"}]
    achievement = world.achievement("metric", metricId=metric.id, metricValue=1, userAttributes=filters)
    assert world.event(metric, "free", 1, attributes=None, tz="UTC").achievements == []
    done = world.api.metrics.event(
        metric.key, user={"id": world.name("pro"), "attributes": {plan.key: "pro"}}, value=1
    ).achievements
    assert [item.id for item in done] == [achievement.id]
    assert values(done[0].user_attributes) == [(plan.key, "pro")]
    world.api.users.update(world.name("free"), attributes={plan.key: "pro"})
    eventually(lambda: achievement.id in world.held("free"))


def test_streak_trigger(tenant: World, noon: Noon) -> None:
    metric = tenant.metric()
    tenant.api.admin.streaks.settings.update(metrics=[StreakSettingsMetric(key=metric.key, threshold=1)])
    one = tenant.achievement("streak", streakLength=1)
    tenant.achievement("streak", streakLength=2)
    done = tenant.event(metric, "ada", 1, tz=noon.zone).achievements
    assert [(item.id, item.trigger, item.streak_length) for item in done] == [(one.id, "streak", 1)]
    assert tenant.event(metric, "ada", 1).achievements == []


def test_api_trigger_completes_once_and_repeats_harmlessly(world: World) -> None:
    system = world.system()
    achievement = world.achievement("api", key=world.name("signed"), description="Signed up")
    world.trigger(system, "achievement", 25, achievementId=achievement.id)
    user = {"id": world.name("ada"), "name": "Ada"}
    first = world.api.achievements.complete(achievement.key, user=user)
    assert world.last.status_code == 201
    assert (first.achievement.id, first.achievement.key, first.achievement.trigger) == (
        achievement.id,
        achievement.key,
        "api",
    )
    assert first.achievement.achieved_at is not None
    assert (first.points[system.key].added, first.points[system.key].total) == (25, 25)
    assert world.api.users.get(world.name("ada")).name == "Ada"
    again = world.api.achievements.complete(achievement.key, user=user)
    assert world.last.status_code == 201
    assert (again.completion_id, again.achievement.achieved_at) == (first.completion_id, first.achievement.achieved_at)
    assert again.points == {}
    assert world.api.users.points(world.name("ada"), system.key).total == 25


def test_what_cannot_be_completed_by_call(world: World) -> None:
    metric, plan = world.metric(), world.attribute("plan")
    user = {"id": world.name("ada")}
    with refused(404):
        world.api.achievements.complete(world.name("nothing"), user=user)
    sleeping = world.achievement("api", status="inactive", key=world.name("sleeping"))
    with refused(404):
        world.api.achievements.complete(sleeping.key, user=user)
    locked = world.achievement("api", status="locked", key=world.name("locked"))
    with refused(422):
        world.api.achievements.complete(locked.key, user=user)
    item = {"name": "N", "trigger": "metric", "status": "active", "metricId": metric.id, "metricValue": 5}
    other = world.api.admin.achievements.create(request=[item | {"key": world.name("other")}])
    if other.created and other.created[0].key:
        with refused(422):
            world.api.achievements.complete(world.name("other"), user=user)
    filters = [{"attributeId": plan.id, "attributeValue": "pro"}]
    filtered = world.achievement("api", key=world.name("filtered"), userAttributes=filters)
    with refused(422):
        world.api.achievements.complete(filtered.key, user=user)
    world.api.achievements.complete(filtered.key, user=user | {"attributes": {plan.key: "pro"}})
    assert set(world.held("ada")) == {filtered.id}


def test_composites_cascade(world: World) -> None:
    metric, system = world.metric(), world.system()
    api = world.achievement("api", key=world.name("api"))
    walked = world.achievement("metric", metricId=metric.id, metricValue=1)
    both = world.achievement("achievement", achievementIds=[api.id, walked.id])
    above = world.achievement("achievement", achievementIds=[both.id])
    world.trigger(system, "achievement", 7, achievementId=above.id)

    assert [item.id for item in world.event(metric, "ada", 1).achievements] == [walked.id]
    answer = world.api.achievements.complete(api.key, user={"id": world.name("ada")})
    assert answer.achievement.id == api.id
    assert answer.points[system.key].added == 7, "points of what completed as a consequence are in the same map"
    assert set(world.held("ada")) == {api.id, walked.id, both.id, above.id}

    world.api.achievements.complete(api.key, user={"id": world.name("eve")})
    done = world.event(metric, "eve", 1)
    assert {item.id for item in done.achievements} == {walked.id, both.id, above.id}
    composite = next(item for item in done.achievements if item.id == both.id)
    assert sorted(composite.achievement_ids) == sorted([api.id, walked.id])
    assert done.points[system.key].added == 7


def test_composites_refuse_cycles(world: World) -> None:
    admin = world.api.admin.achievements
    api = world.achievement("api", key=world.name("api"))
    lower = world.achievement("achievement", achievementIds=[api.id])
    upper = world.achievement("achievement", achievementIds=[lower.id])
    issue(admin.update(request=[{"id": lower.id, "achievementIds": [upper.id]}]), id=lower.id)
    issue(admin.update(request=[{"id": lower.id, "achievementIds": [lower.id]}]), id=lower.id)


def test_anniversary_trigger(tenant: World, noon: Noon) -> None:
    one = tenant.achievement("anniversary", anniversaryYears=1)
    five = tenant.achievement("anniversary", anniversaryYears=5)
    long_ago = noon.today.replace(year=noon.today.year - 2, day=min(noon.today.day, 28)).isoformat()
    tenant.api.users.create(id=tenant.name("old"), sign_up_date=long_ago, tz=noon.zone)
    tenant.api.users.create(id=tenant.name("new"), sign_up_date=noon.day(-30), tz=noon.zone)
    tenant.api.users.create(id=tenant.name("unknown"))
    done = eventually(lambda: tenant.held("old"))
    assert set(done) == {one.id}
    assert (done[one.id].trigger, done[one.id].anniversary_years) == ("anniversary", 1)
    assert tenant.held("new") == tenant.held("unknown") == {}
    tenant.api.users.update(tenant.name("new"), sign_up_date="2015-06-01")
    eventually(lambda: set(tenant.held("new")) == {one.id, five.id})


def test_locked_achievements_are_seen_by_holders_alone(world: World) -> None:
    admin, metric = world.api.admin.achievements, world.metric()
    achievement = world.achievement("metric", metricId=metric.id, metricValue=1)
    world.event(metric, "holder", 1)
    assert admin.update(request=[{"id": achievement.id, "status": "locked"}]).updated[0].status == "locked"
    assert world.event(metric, "late", 1).achievements == []
    assert set(world.held("holder")) == {achievement.id}
    late = world.api.users.achievements(world.name("late"), include_incomplete="true")
    assert achievement.id not in {item.id for item in late}
    assert achievement.id not in {item.id for item in world.api.achievements.all_()}
    holder = world.api.users.single_metric(world.name("holder"), metric.key)
    assert [item.id for item in holder.achievements] == [achievement.id]
    assert world.api.users.single_metric(world.name("late"), metric.key).achievements == []


def test_there_is_no_way_back_to_inactive(world: World) -> None:
    achievement = world.achievement("api", key=world.name("api"))
    issue(
        world.api.admin.achievements.update(request=[{"id": achievement.id, "status": "inactive"}]), id=achievement.id
    )
    assert world.api.admin.achievements.get(achievement.id).status == "active"


def test_users_achievements_and_incomplete_ones(tenant: World) -> None:
    metric, plan = tenant.metric(), tenant.attribute("plan")
    first = tenant.achievement("metric", metricId=metric.id, metricValue=5)
    second = tenant.achievement("api", key="later")
    filters = [{"attributeId": plan.id, "attributeValue": "pro"}]
    tenant.achievement("api", key="pro-only", userAttributes=filters)
    tenant.event(metric, "ada", 5)
    assert [item.id for item in tenant.api.users.achievements(tenant.name("ada"))] == [first.id]
    both = tenant.api.users.achievements(tenant.name("ada"), include_incomplete="true")
    assert [(item.id, item.achieved_at is not None) for item in both] == [(first.id, True), (second.id, False)]
    assert [(item.completions, item.rarity) for item in both] == [(1, 100), (0, 0)]
    other = tenant.raw.get(f"/v1/users/{tenant.name('ada')}/achievements", params={"includeIncomplete": "1"})
    assert [item["id"] for item in other.json()] == [first.id], "any value but `true` equals absence"
    with refused(404):
        tenant.api.users.achievements(tenant.name("nobody"))


def test_all_with_completions_and_rarity(tenant: World) -> None:
    metric = tenant.metric()
    achievement = tenant.achievement("metric", metricId=metric.id, metricValue=5)
    tenant.achievement("api", status="inactive", key="hidden")
    assert [(item.completions, item.rarity) for item in tenant.api.achievements.all_()] == [(0, 0)]
    for user, value in [("a", 5), ("b", 1), ("c", 1)]:
        tenant.event(metric, user, value)
    found = tenant.api.achievements.all_()
    assert [(item.id, item.completions, item.rarity) for item in found] == [(achievement.id, 1, 33.33)]


def test_deleted_achievements_disappear_for_holders_too(world: World) -> None:
    metric = world.metric()
    achievement = world.achievement("metric", metricId=metric.id, metricValue=1)
    world.event(metric, "ada", 1)
    world.api.admin.achievements.delete(ids=achievement.id)
    assert world.held("ada") == {}
    assert world.event(metric, "ada", 1).achievements == []
