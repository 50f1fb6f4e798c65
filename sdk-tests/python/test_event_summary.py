"""The summary of a user's events of one metric over time (spec 3.7)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from world import Noon, World, refused


def summary(world: World, metric, aggregation: str, start: str, end: str) -> list[tuple[str, float, float]]:
    """The items of ada's summary as (date, total, change)."""
    items = world.api.users.metric_event_summary(
        world.name("ada"), metric.key, aggregation=aggregation, start_date=start, end_date=end
    )
    return [(item.date, item.total, item.change) for item in items]


@pytest.fixture
def metric(world: World, noon: Noon):
    """A metric with which ada has made progress of 2.5 today."""
    metric = world.metric()
    world.event(metric, "ada", 3, tz=noon.zone)
    world.event(metric, "ada", -0.5)
    return metric


def test_daily_has_an_item_for_every_day_so_far(world: World, noon: Noon, metric) -> None:
    assert summary(world, metric, "daily", noon.day(-3), noon.day(2)) == [
        (noon.day(-3), 0, 0),
        (noon.day(-2), 0, 0),
        (noon.day(-1), 0, 0),
        (noon.day(0), 2.5, 2.5),
    ]


def test_weekly_starts_on_sunday(world: World, noon: Noon, metric) -> None:
    sunday = noon.today - timedelta(days=(noon.today.weekday() + 1) % 7)
    assert summary(world, metric, "weekly", noon.day(-7), noon.day(0)) == [
        ((sunday - timedelta(days=7)).isoformat(), 0, 0),
        (sunday.isoformat(), 2.5, 2.5),
    ]


def test_monthly_starts_on_the_first(world: World, noon: Noon, metric) -> None:
    first = noon.today.replace(day=1)
    before: date = (first - timedelta(days=1)).replace(day=1)
    assert summary(world, metric, "monthly", before.isoformat(), noon.day(0) if noon.today != first else noon.day(1)) == [
        (before.isoformat(), 0, 0),
        (first.isoformat(), 2.5, 2.5),
    ]


def test_ranges(world: World, noon: Noon, metric) -> None:
    assert len(summary(world, metric, "daily", noon.day(-398), noon.day(1))) == 399
    for start, end in [
        (noon.day(0), noon.day(0)),
        (noon.day(0), noon.day(-1)),
        (noon.day(-401), noon.day(1)),
        ("2026-02-30", noon.day(0)),
        ("soon", noon.day(0)),
    ]:
        with refused(422):
            summary(world, metric, "daily", start, end)
    with refused(422):
        summary(world, metric, "hourly", noon.day(-1), noon.day(0))


def test_parameters_are_required(world: World, noon: Noon, metric) -> None:
    path = f"/v1/users/{world.name('ada')}/metrics/{metric.key}/event-summary"
    query = {"aggregation": "daily", "startDate": noon.day(-1), "endDate": noon.day(0)}
    assert world.raw.get(path, params=query).status_code == 200
    for missing in query:
        rest = {name: value for name, value in query.items() if name != missing}
        assert world.raw.get(path, params=rest).status_code == 422


def test_unknown_user_or_metric(world: World, noon: Noon, metric) -> None:
    query = {"aggregation": "daily", "start_date": noon.day(-1), "end_date": noon.day(0)}
    with refused(404):
        world.api.users.metric_event_summary(world.name("nobody"), metric.key, **query)
    with refused(404):
        world.api.users.metric_event_summary(world.name("ada"), world.name("nothing"), **query)
