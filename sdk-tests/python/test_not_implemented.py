"""What part 1 does not do answers 501 and says so. Shrink this list as the parts are built."""

from __future__ import annotations

from world import Noon, World, issue, refused

# The same as templates (method and path); test_process.py does not ask the published description for them.
APPLICATION = {
    ("get", "/users/{id}/preferences"),
    ("get", "/users/{id}/wrapped"),
    ("patch", "/users/{id}/preferences"),
}
ADMIN = {
    ("delete", "/streaks/pauses"),
    ("post", "/metrics/events"),
    ("post", "/streaks/freezes"),
    ("post", "/streaks/pauses"),
    ("post", "/streaks/reset"),
    ("post", "/streaks/restore"),
}

def test_operations(world: World, noon: Noon) -> None:
    metric = world.metric()
    user = world.name("ada")
    world.event(metric, "ada", 1)
    api, admin = world.api, world.api.admin
    unknown = "00000000-0000-7000-8000-000000000000"
    calls = {
        "batch events": lambda: admin.metrics.batch_events(
            request=[{"key": metric.key, "user": {"id": user}, "value": 1}]
        ),
        "preferences, get": lambda: api.users.get_preferences(user),
        "preferences, update": lambda: api.users.update_preferences(user, notifications={"recap": []}),
        "wrapped": lambda: api.users.wrapped(user),
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
    metric = world.metric()
    board = {"name": "B", "key": world.name("b"), "rankBy": "metric", "metricId": metric.id, "start": noon.day(-1)}
    for window in ({"startTime": "09:00"}, {"endTime": "17:00"}, {"startTime": "09:00", "endTime": "17:00:30"}):
        issue(world.api.admin.leaderboards.create(request=[board | window]), index=0)
