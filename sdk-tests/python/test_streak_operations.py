"""Freezes, pauses, restores, resets and users' own rules, through the client (spec 2.5, 2.6, 5.7, 5.8, 13.13, 15.3)."""

from __future__ import annotations

import pytest

from world import Noon, World, refused

UNKNOWN = "00000000-0000-7000-8000-000000000000"


@pytest.fixture
def metric(tenant: World):
    """The metric that makes the streak of this tenant: daily, one unit a day, with freezes."""
    metric = tenant.metric()
    tenant.api.admin.streaks.settings.update(
        frequency="daily",
        metrics=[{"key": metric.key, "threshold": 1}],
        freezes={"startCount": 0, "maxCount": 2},
        customization_enabled=True,
    )
    return metric


def told(answer) -> list[tuple[str, str | None, str]]:
    """The issues of an answer as (severity, user, message)."""
    return [(item.severity, item.user_id, item.message) for item in answer.issues]


def test_freezes(tenant: World, noon: Noon, metric) -> None:
    tenant.event(metric, "ada", 1, tz=noon.zone)
    ada, nobody = tenant.name("ada"), tenant.name("nobody")
    freezes = tenant.api.admin.streaks.freezes
    assert freezes.create(freezes=[{"userId": ada}]).issues == []
    answer = freezes.create(freezes=[{"userId": ada}, {"userId": nobody}, {"userId": ada}])
    assert told(answer) == [
        ("error", nobody, "User does not exist"),
        ("warning", ada, "Would exceed maximum freeze limit"),
    ]
    assert tenant.api.users.streak(ada).freezes == 2


def test_a_repeated_grant_counts_once(tenant: World, noon: Noon, metric) -> None:
    tenant.event(metric, "ada", 1, tz=noon.zone)
    ada = tenant.name("ada")
    for _ in range(3):
        tenant.api.admin.streaks.freezes.create(
            freezes=[{"userId": ada}],
            request_options={"additional_headers": {"Idempotency-Key": tenant.name("grant")}},
        )
        assert tenant.api.users.streak(ada).freezes == 1


def test_no_freezes_where_there_are_none(tenant: World, noon: Noon, metric) -> None:
    tenant.event(metric, "ada", 1, tz=noon.zone)
    tenant.api.admin.streaks.settings.update(freezes=None)
    with refused(400):
        tenant.api.admin.streaks.freezes.create(freezes=[{"userId": tenant.name("ada")}])


def test_pauses(tenant: World, noon: Noon, metric) -> None:
    tenant.event(metric, "ada", 1, tz=noon.zone)
    ada, nobody = tenant.name("ada"), tenant.name("nobody")
    pauses = tenant.api.admin.streaks.pauses
    answer = pauses.create(
        pauses=[
            {"userId": ada, "start": noon.day(9), "end": noon.day(9)},
            {"userId": ada, "start": noon.day(1), "end": noon.day(3)},
            {"userId": ada, "start": noon.day(-1), "end": noon.day(3)},
            {"userId": ada, "start": noon.day(3), "end": noon.day(2)},
            {"userId": nobody, "start": noon.day(1), "end": noon.day(3)},
        ]
    )
    assert [(item.user_id, item.start, item.end, item.status) for item in answer.created] == [
        (ada, noon.day(9), noon.day(9), "active"),
        (ada, noon.day(1), noon.day(3), "active"),
    ]
    assert [(severity, user) for severity, user, _ in told(answer)] == [
        ("error", ada),
        ("error", ada),
        ("error", nobody),
    ]
    streak = tenant.api.users.streak(ada)
    later, sooner = answer.created
    assert [(item.id, item.start, item.end) for item in streak.pauses] == [
        (sooner.id, noon.day(1), noon.day(3)),
        (later.id, noon.day(9), noon.day(9)),
    ]
    assert streak.expires == noon.day(4)
    gone = pauses.delete(ids=[sooner.id, UNKNOWN])
    assert [item.id for item in gone.deleted] == [sooner.id]
    assert [(item.id, item.message) for item in gone.issues] == [(UNKNOWN, "Streak pause not found by ID")]
    streak = tenant.api.users.streak(ada)
    assert ([item.id for item in streak.pauses], streak.expires) == ([later.id], noon.day(1))


def test_reset_and_restore(tenant: World, noon: Noon, metric) -> None:
    tenant.event(metric, "ada", 1, tz=noon.zone)
    ada, nobody = tenant.name("ada"), tenant.name("nobody")
    streaks = tenant.api.admin.streaks
    answer = streaks.restore(users=[{"id": ada}, {"id": nobody}])
    assert (answer.restored_users, told(answer)) == (
        [],
        [("warning", ada, "No streak to restore"), ("error", nobody, "User does not exist")],
    )
    answer = streaks.reset(users=[{"id": ada}, {"id": nobody}])
    assert (answer.reset_users, told(answer)) == ([ada], [("error", nobody, "User does not exist")])
    streak = tenant.api.users.streak(ada, history_periods=1)
    assert (streak.length, streak.started, streak.extended) == (0, None, None)
    assert (streak.streak_history[0].length, streak.streak_history[0].reset_at is not None) == (0, True)
    assert told(streaks.reset(users=[{"id": ada}])) == [("warning", ada, "No streak to reset")]
    assert streaks.restore(users=[{"id": ada}]).restored_users == [ada]
    streak = tenant.api.users.streak(ada)
    assert (streak.length, streak.started, streak.expires) == (1, noon.day(0), noon.day(0))


def test_notification_preferences(tenant: World, noon: Noon, metric) -> None:
    tenant.event(metric, "ada", 1, tz=noon.zone)
    ada, users = tenant.name("ada"), tenant.api.users
    fresh = users.get_preferences(ada)
    assert (tenant.body(), fresh.streak) == ({"notifications": {}}, None)
    users.update_preferences(ada, notifications={"recap": ["email", "push"], "reactivation": []})
    changed = users.update_preferences(ada, notifications={"recap": ["push"]})
    assert (changed.notifications.recap, changed.notifications.reactivation) == (["push"], [])
    assert users.get_preferences(ada) == changed
    with refused(404):
        users.get_preferences(tenant.name("nobody"))
    with refused(404):
        users.update_preferences(tenant.name("nobody"), notifications={"recap": []})


def test_streak_preferences(tenant: World, noon: Noon, metric) -> None:
    tenant.event(metric, "ada", 0.25, tz=noon.zone)
    ada, users = tenant.name("ada"), tenant.api.users
    changed = users.update_preferences(
        ada, streak={"evaluationMode": "AND", "metrics": [{"key": metric.key, "threshold": 0.5}]}
    )
    assert (changed.streak.enabled, changed.streak.evaluation_mode) == (True, "AND")
    assert [(item.key, item.threshold) for item in changed.streak.metrics] == [(metric.key, 0.5)]
    assert tenant.event(metric, "ada", 0.25).current_streak.extended is True
    users.update_preferences(ada, streak={"enabled": False})
    assert tenant.api.users.streak(ada).length == 0
    tenant.api.admin.streaks.settings.update(customization_enabled=False)
    with refused(403):
        users.update_preferences(ada, streak={"evaluationMode": "OR"})
    assert users.update_preferences(ada, streak={"enabled": True}).streak.enabled is True
