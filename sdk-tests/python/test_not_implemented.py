"""What part 1 does not do answers 501 and says so. Shrink this list as the parts are built."""

from __future__ import annotations

from world import Noon, World, issue, refused

# The same as templates (method and path); test_process.py does not ask the published description for them.
APPLICATION = {
    ("get", "/points/{key}/boosts"),
    ("get", "/users/{id}/points/{key}/boosts"),
    ("get", "/users/{id}/preferences"),
    ("patch", "/users/{id}/preferences"),
}
ADMIN = {
    ("delete", "/points/{systemId}/boosts"),
    ("delete", "/streaks/pauses"),
    ("get", "/points/{systemId}/boosts"),
    ("get", "/points/{systemId}/boosts/{id}"),
    ("patch", "/points/{systemId}/boosts"),
    ("post", "/points/{systemId}/boosts"),
    ("post", "/streaks/freezes"),
    ("post", "/streaks/pauses"),
    ("post", "/streaks/reset"),
    ("post", "/streaks/restore"),
}

def test_operations(world: World, noon: Noon) -> None:
    system, metric = world.system(), world.metric()
    user = world.name("ada")
    world.event(metric, "ada", 1)
    api, admin, boosts = world.api, world.api.admin, world.api.admin.points.boosts
    boost = {"name": "B", "start": noon.day(0), "multiplier": 2}
    unknown = "00000000-0000-7000-8000-000000000000"
    calls = {
        "boosts, list": lambda: boosts.list(system.id),
        "boosts, create": lambda: boosts.create(system.id, request=[boost]),
        "boosts, update": lambda: boosts.update(system.id, request=[{"id": unknown}]),
        "boosts, delete": lambda: boosts.delete(system.id, ids=[unknown]),
        "boosts, get": lambda: boosts.get(system.id, unknown),
        "boosts of a system": lambda: api.points.boosts(system.key),
        "boosts of a user": lambda: api.users.points_boosts(user, system.key),
        "preferences, get": lambda: api.users.get_preferences(user),
        "preferences, update": lambda: api.users.update_preferences(user, notifications={"recap": []}),
        "freezes": lambda: admin.streaks.freezes.create(freezes=[{"userId": user}]),
        "pauses, create": lambda: admin.streaks.pauses.create(
            pauses=[{"userId": user, "start": noon.day(1), "end": noon.day(2)}]
        ),
        "pauses, delete": lambda: admin.streaks.pauses.delete(ids=[unknown]),
        "restore": lambda: admin.streaks.restore(users=[{"id": user}]),
        "reset": lambda: admin.streaks.reset(users=[{"id": user}]),
    }
    for what, call in calls.items():
        with refused(501) as caught:
            call()
        assert caught.value.body["error"], what
    assert world.total(metric, "ada") == 1


def test_kinds_of_things(world: World, noon: Noon) -> None:
    system, metric = world.system(), world.metric()
    item = {"type": "time", "points": 1, "timeUnit": "days", "timeInterval": 1}
    issue(world.api.admin.points.triggers.create(system.id, request=[item]), index=0)
    board = {"name": "B", "key": world.name("b"), "rankBy": "metric", "metricId": metric.id, "start": noon.day(-1)}
    for window in ({"startTime": "09:00"}, {"endTime": "17:00"}, {"startTime": "09:00", "endTime": "17:00:30"}):
        issue(world.api.admin.leaderboards.create(request=[board | window]), index=0)
