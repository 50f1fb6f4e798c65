"""Streaks: settings, a user's streak and its history, several users (spec 5, 15.6)."""

from __future__ import annotations

import calendar
from datetime import timedelta

import pytest

from world import Noon, World, refused


@pytest.fixture
def metric(tenant: World):
    """The metric that makes the streak of this tenant: daily, one unit a day."""
    metric = tenant.metric()
    tenant.api.admin.streaks.settings.update(
        frequency="daily", evaluation_mode="OR", metrics=[{"key": metric.key, "threshold": 1}]
    )
    return metric


def test_settings_of_a_new_tenant(tenant: World) -> None:
    settings = tenant.api.admin.streaks.settings.get()
    assert (settings.frequency, settings.metrics, settings.days_off, settings.freezes) == ("daily", [], [], None)
    assert settings.customization_enabled is False


def test_settings_keep_what_is_not_sent(tenant: World) -> None:
    admin = tenant.api.admin.streaks.settings
    one, two = tenant.metric("one"), tenant.metric("two")
    admin.update(
        frequency="weekly",
        evaluation_mode="AND",
        metrics=[{"key": one.key, "threshold": 5}, {"key": two.key, "threshold": 10_000}],
        freezes={"startCount": 1, "maxCount": 3, "autoEarnInterval": 7, "autoEarnAmount": 2},
    )
    settings = admin.update(frequency="monthly")
    assert (settings.frequency, settings.evaluation_mode) == ("monthly", "AND")
    assert [(item.key, item.threshold) for item in settings.metrics] == [(one.key, 5), (two.key, 10_000)]
    freezes = settings.freezes
    assert (freezes.start_count, freezes.max_count, freezes.auto_earn_interval, freezes.auto_earn_amount) == (1, 3, 7, 2)
    assert admin.get() == settings
    replaced = admin.update(freezes={"startCount": 0, "maxCount": 1})
    assert (replaced.freezes.auto_earn_interval, replaced.freezes.auto_earn_amount) == (None, None)
    assert admin.update(freezes=None).freezes is None
    assert [item.key for item in admin.update(metrics=[{"key": two.key, "threshold": 1}]).metrics] == [two.key]


def test_days_off_need_a_daily_streak(tenant: World) -> None:
    admin = tenant.api.admin.streaks.settings
    assert admin.update(frequency="daily", days_off=[0, 6]).days_off == [0, 6]
    assert admin.update(frequency="weekly").days_off == []
    with refused(422):
        admin.update(days_off=[1])
    with refused(422):
        admin.update(frequency="daily", days_off=[0, 1, 2, 3, 4, 5, 6])
    with refused(422):
        admin.update(frequency="daily", days_off=[7])
    assert (admin.get().frequency, admin.get().days_off) == ("weekly", [])


@pytest.mark.parametrize(
    "change",
    [
        {"frequency": "hourly"},
        {"evaluationMode": "XOR"},
        {"metrics": []},
        {"metrics": [{"key": "no-such-metric", "threshold": 1}]},
        {"freezes": {"startCount": 3, "maxCount": 2}},
        {"freezes": {"startCount": 0, "maxCount": 101}},
        {"freezes": {"startCount": 0, "maxCount": 1, "autoEarnInterval": 7}},
        {"freezes": {"maxCount": 1}},
        {"customizationEnabled": "yes"},
        [],
    ],
)
def test_settings_refuse_as_a_whole(tenant: World, change) -> None:
    before = tenant.api.admin.streaks.settings.get()
    body = {"evaluationMode": "AND"} | change if isinstance(change, dict) else change
    assert tenant.raw.patch("/admin/v1/streaks/settings", json=body).status_code == 422
    assert tenant.api.admin.streaks.settings.get() == before


@pytest.mark.parametrize("threshold", [0, 10_001, 1.5, -1])
def test_thresholds_are_whole_numbers_in_bounds(tenant: World, threshold: float) -> None:
    metric = tenant.metric()
    body = {"metrics": [{"key": metric.key, "threshold": threshold}]}
    assert tenant.raw.patch("/admin/v1/streaks/settings", json=body).status_code == 422


def test_an_extension_happens_once_a_period(tenant: World, noon: Noon, metric) -> None:
    assert tenant.event(metric, "ada", 0.5, tz=noon.zone).current_streak.extended is False
    streak = tenant.event(metric, "ada", 0.5).current_streak
    assert (streak.extended, streak.length) == (True, 1)
    assert (streak.started, streak.period_start, streak.period_end) == (noon.day(0),) * 3
    assert streak.expires == noon.day(1)
    streak = tenant.event(metric, "ada", 5).current_streak
    assert (streak.extended, streak.length) == (False, 1)


def test_the_streak_of_a_user(tenant: World, noon: Noon, metric) -> None:
    tenant.event(metric, "ada", 1, tz=noon.zone)
    streak = tenant.api.users.streak(tenant.name("ada"))
    assert (streak.length, streak.frequency, streak.started) == (1, "daily", noon.day(0))
    assert (streak.period_start, streak.period_end, streak.expires) == (noon.day(0), noon.day(0), noon.day(1))
    assert streak.extended is not None
    assert streak.pauses == []
    assert tenant.body()["rank"] == 1
    history = [(item.period_start, item.period_end, item.length, item.used_pause) for item in streak.streak_history]
    assert history == [(noon.day(-back), noon.day(-back), 0, False) for back in range(6, 0, -1)] + [
        (noon.day(0), noon.day(0), 1, False)
    ]
    assert "usedFreeze" not in tenant.body()["streakHistory"][0], "only when freezes are enabled"


def test_the_streak_of_a_user_without_events(tenant: World, noon: Noon, metric) -> None:
    tenant.api.users.create(id=tenant.name("idle"), tz=noon.zone)
    streak = tenant.api.users.streak(tenant.name("idle"), history_periods=2)
    assert (streak.length, streak.started, streak.period_start, streak.period_end) == (0, None, None, None)
    assert (streak.expires, streak.extended, tenant.body()["rank"]) == (None, None, None)
    assert [(item.period_start, item.length) for item in streak.streak_history] == [(noon.day(-1), 0), (noon.day(0), 0)]
    with refused(404):
        tenant.api.users.streak(tenant.name("nobody"))


@pytest.mark.parametrize("periods", [0, 1, 366])
def test_history_periods(tenant: World, noon: Noon, metric, periods: int) -> None:
    tenant.event(metric, "ada", 1, tz=noon.zone)
    history = tenant.api.users.streak(tenant.name("ada"), history_periods=periods).streak_history
    assert len(history) == periods
    assert [item.period_start for item in history] == [noon.day(-back) for back in range(periods - 1, -1, -1)]


@pytest.mark.parametrize("periods", ["-1", "367", "x", "1.5"])
def test_history_periods_out_of_bounds(tenant: World, metric, periods: str) -> None:
    tenant.event(metric, "ada", 1)
    answer = tenant.raw.get(f"/v1/users/{tenant.name('ada')}/streak", params={"historyPeriods": periods})
    assert answer.status_code == 422


def test_freezes_are_shown_when_enabled(tenant: World, noon: Noon, metric) -> None:
    tenant.api.users.create(id=tenant.name("early"), tz=noon.zone)
    tenant.api.admin.streaks.settings.update(freezes={"startCount": 2, "maxCount": 5})
    tenant.event(metric, "ada", 1, tz=noon.zone)
    streak = tenant.body()["currentStreak"]
    assert (streak["freezes"], streak["maxFreezes"]) == (2, 5)
    assert "freezeAutoEarnInterval" not in streak
    tenant.api.users.streak(tenant.name("early"), history_periods=1)
    assert (tenant.body()["freezes"], tenant.body()["maxFreezes"]) == (0, 5), "only new users get the first freezes"
    tenant.api.admin.streaks.settings.update(
        freezes={"startCount": 2, "maxCount": 5, "autoEarnInterval": 7, "autoEarnAmount": 1}
    )
    streak = tenant.api.users.streak(tenant.name("ada"), history_periods=1)
    assert (streak.freezes, streak.freeze_auto_earn_interval, streak.freeze_auto_earn_amount) == (2, 7, 1)
    assert streak.streak_history[0].used_freeze is False


def test_weekly_and_monthly_are_kept_beside_daily(tenant: World, noon: Noon, metric) -> None:
    tenant.event(metric, "ada", 1, tz=noon.zone)
    tenant.api.admin.streaks.settings.update(frequency="weekly")
    sunday = noon.today - timedelta(days=(noon.today.weekday() + 1) % 7)
    streak = tenant.api.users.streak(tenant.name("ada"), history_periods=2)
    assert (streak.frequency, streak.length, streak.started) == ("weekly", 1, noon.day(0))
    assert (streak.period_start, streak.period_end, streak.expires) == (
        sunday.isoformat(),
        (sunday + timedelta(days=6)).isoformat(),
        (sunday + timedelta(days=13)).isoformat(),
    )
    assert [item.period_start for item in streak.streak_history] == [
        (sunday - timedelta(days=7)).isoformat(),
        sunday.isoformat(),
    ]

    tenant.api.admin.streaks.settings.update(frequency="monthly")
    first = noon.today.replace(day=1)
    after = (first + timedelta(days=31)).replace(day=1)
    streak = tenant.api.users.streak(tenant.name("ada"))
    assert (streak.frequency, streak.length, streak.started) == ("monthly", 1, noon.day(0))
    assert (streak.period_start, streak.period_end, streak.expires) == (
        first.isoformat(),
        (after - timedelta(days=1)).isoformat(),
        after.replace(day=calendar.monthrange(after.year, after.month)[1]).isoformat(),
    )


def test_list_of_several_users(tenant: World, noon: Noon, metric) -> None:
    for user in ("ada", "eve"):
        tenant.event(metric, user, 1, tz=noon.zone)
    tenant.api.users.create(id=tenant.name("idle"))
    ids = [tenant.name(user) for user in ("idle", "eve", "nobody", "ada")]
    found = tenant.api.streaks.list(user_ids=ids)
    assert [(item.user_id, item.streak_length) for item in found] == [
        (tenant.name("ada"), 1),
        (tenant.name("eve"), 1),
        (tenant.name("idle"), 0),
    ]
    assert [item.extended is None for item in found] == [False, False, True]
    with refused(422):
        tenant.api.streaks.list()
    with refused(422):
        tenant.api.streaks.list(user_ids=[f"u{count}" for count in range(101)])
    assert tenant.api.streaks.list(user_ids=[f"u{count}" for count in range(100)]) == []


def test_rankings_for_older_clients(tenant: World, noon: Noon, metric) -> None:
    def ranked(query: str = "") -> list:
        answer = tenant.raw.get(f"/v1/streaks/rankings{query}")
        assert answer.status_code == 200
        return answer.json()

    assert ranked() == ranked("?type=longest") == []
    tenant.event(metric, "eve", 1, tz=noon.zone)
    tenant.event(metric, "ada", 1, tz=noon.zone, name="Ada")
    tenant.api.users.create(id=tenant.name("idle"))
    ada = {"userId": tenant.name("ada"), "name": "Ada", "streakLength": 1}
    eve = {"userId": tenant.name("eve"), "name": None, "streakLength": 1}
    assert ranked() == ranked("?type=active&limit=100") == [eve, ada], "whoever extended first"
    assert ranked("?type=longest") == [ada, eve]
    assert ranked("?limit=1") == [eve]


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "type=shortest"])
def test_rankings_out_of_bounds(world: World, query: str) -> None:
    assert world.raw.get(f"/v1/streaks/rankings?{query}").status_code == 422
