"""The review of a year (spec 8)."""

from __future__ import annotations

from world import Noon, World, refused


def test_a_year_with_activity(tenant: World, noon: Noon) -> None:
    metric = tenant.metric(units="km")
    attribute = tenant.attribute("shoe", "event")
    system = tenant.system()
    tenant.trigger(system, "metric", 2, metricId=metric.id, metricThreshold=10)
    achievement = tenant.achievement("metric", metricId=metric.id, metricValue=15)
    board = tenant.board(rankBy="metric", metricId=metric.id)
    tenant.event(metric, "ada", 10, attributes={attribute.key: "red"}, tz=noon.zone)
    tenant.event(metric, "ada", 5, tz=noon.zone)
    tenant.event(metric, "bob", 3, tz=noon.zone)
    answer = tenant.api.users.wrapped(tenant.name("ada"), year=noon.today.year)
    assert answer.user.id == tenant.name("ada")
    activity = answer.activity
    assert (activity.days_active, activity.weeks_active, activity.months_active) == (1, 1, 1)
    day, week, month, year = (
        activity.most_active_day,
        activity.most_active_week,
        activity.most_active_month,
        activity.entire_year,
    )
    assert day.date == noon.day(0)
    assert week.start == noon.day(-noon.today.weekday())
    assert week.end == noon.day(6 - noon.today.weekday())
    assert month.month == noon.today.month - 1
    for block in (day, week, month, year):
        words = block.metrics[metric.key]
        assert (words.current_total, words.change_this_period, words.percent_change) == (15, 15, 100)
        red = words.by_attribute[attribute.key]["red"]
        assert (red.current_total, red.change_this_period, red.percent_change) == (10, 10, 100)
        points = block.points[system.key]
        assert (points.current_total, points.change_this_period) == (2, 2)
        assert [item.id for item in block.achievements] == [achievement.id]
        place = block.leaderboards[board.key]
        assert (place.rank, place.value) == (1, 15)
        assert words.percentile_this_period == (None if block is day else 50)
    assert year.longest_streak.length == 0


def test_a_user_without_activity(world: World) -> None:
    world.api.users.create(id=world.name("idle"))
    activity = world.api.users.wrapped(world.name("idle"), year=2024).activity
    assert (activity.days_active, activity.most_active_day.date) == (0, "2024-01-01")
    assert (activity.most_active_week.start, activity.most_active_month.month) == ("2024-01-01", 0)
    assert activity.entire_year.metrics == {}
    assert activity.entire_year.longest_streak.length == 0
    with refused(422):
        world.api.users.wrapped(world.name("idle"), year=9999)
    with refused(404):
        world.api.users.wrapped(world.name("nobody"))
