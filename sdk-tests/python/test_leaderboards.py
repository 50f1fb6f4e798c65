"""Leaderboards: the Admin API, rankings, runs, a user's place (spec 7, 13.11)."""

from __future__ import annotations

import pytest
from trophy import CreateLeaderboardRequestItem

from world import Noon, World, issue, refused, values


def test_admin_create_get_list_update_delete(tenant: World, noon: Noon) -> None:
    admin, metric, system = tenant.api.admin.leaderboards, tenant.metric(), tenant.system()
    answer = admin.create(
        request=[
            CreateLeaderboardRequestItem(
                name="Words", key="words", rank_by="metric", metric_id=metric.id, start=noon.day(-1)
            ),
            {
                "name": "Points",
                "key": "points",
                "rankBy": "points",
                "pointsSystemId": system.id,
                "description": "D",
                "maxParticipants": 3,
                "start": noon.day(-1),
                "end": noon.day(30),
                "runUnit": "day",
                "runInterval": 7,
            },
            {"name": "Streak", "key": "streak", "rankBy": "streak", "start": noon.day(-1)},
        ]
    )
    assert not answer.issues
    bodies = {body["key"]: body for body in tenant.body()["created"]}
    always = {"id", "name", "key", "status", "rankBy", "maxParticipants", "start", "breakdownAttributes", "userAttributes"}
    assert set(bodies["words"]) == always | {"metricId"}
    assert set(bodies["points"]) == always | {"description", "pointsSystemId", "end", "runUnit", "runInterval"}
    assert set(bodies["streak"]) == always
    words = answer.created[0]
    assert (words.status, words.max_participants, words.breakdown_attributes, words.user_attributes) == (
        "inactive",
        1000,
        [],
        [],
    )
    assert admin.get(words.id) == words
    assert [item.key for item in admin.list()] == ["words", "points", "streak"]

    changed = admin.update(
        request=[{"id": words.id, "name": "W", "key": "w", "description": "D", "end": noon.day(9), "maxParticipants": 5}]
    ).updated[0]
    assert (changed.name, changed.key, changed.description, changed.end, changed.max_participants) == (
        "W",
        "w",
        "D",
        noon.day(9),
        5,
    )
    admin.update(request=[{"id": words.id, "end": None}])
    assert "end" not in tenant.body()["updated"][0]

    assert [item.id for item in admin.delete(ids=[words.id]).deleted] == [words.id]
    assert [item.key for item in admin.list()] == ["points", "streak"]
    with refused(404):
        admin.get(words.id)


def bad_items(noon: Noon, metric_id: str) -> dict[str, dict]:
    """Boards that are refused, by what is wrong with them."""
    return {
        "no metric": {"rankBy": "metric"},
        "no system": {"rankBy": "points"},
        "a metric for a streak": {"rankBy": "streak", "metricId": metric_id},
        "a unit without an interval": {"rankBy": "metric", "metricId": metric_id, "runUnit": "day"},
        "an interval of 0": {"rankBy": "metric", "metricId": metric_id, "runUnit": "day", "runInterval": 0},
        "end before start": {"rankBy": "metric", "metricId": metric_id, "start": noon.day(0), "end": noon.day(-1)},
        "scheduled in the past": {"rankBy": "streak", "status": "scheduled", "start": noon.day(-3)},
        "finished without an end": {"rankBy": "streak", "status": "finished", "start": noon.day(-3)},
        "no participants": {"rankBy": "streak", "maxParticipants": 0},
        "too many participants": {"rankBy": "streak", "maxParticipants": 1001},
        "a date that does not exist": {"rankBy": "streak", "start": "2026-02-30"},
        "an unknown ranking": {"rankBy": "beauty"},
        "a window that ends before it starts": {"rankBy": "streak", "startTime": "17:00", "endTime": "09:00"},
        "a window without a length": {"rankBy": "streak", "startTime": "09:00", "endTime": "09:00:00"},
        "an hour that does not exist": {"rankBy": "streak", "endTime": "24:00"},
    }


def test_boards_that_cannot_be_created(world: World, noon: Noon) -> None:
    metric = world.metric()
    for what, item in bad_items(noon, metric.id).items():
        body = [{"name": "B", "key": world.name("bad")} | item]
        answer = world.raw.post("/admin/v1/leaderboards", json=body)
        assert (answer.status_code, answer.json()["created"]) == (200, []), what
        assert [found["index"] for found in answer.json()["issues"]] == [0], what


def test_statuses(tenant: World, noon: Noon) -> None:
    admin = tenant.api.admin.leaderboards
    board = tenant.board(status="inactive", rankBy="streak")
    with refused(404):
        tenant.api.leaderboards.get(board.key)
    assert tenant.api.leaderboards.all_() == []
    assert admin.update(request=[{"id": board.id, "status": "active"}]).updated[0].status == "active"
    assert tenant.api.leaderboards.get(board.key).status == "active"
    issue(admin.update(request=[{"id": board.id, "key": "other"}]), id=board.id)
    issue(admin.update(request=[{"id": board.id, "rankBy": "points"}]), id=board.id)
    assert admin.update(request=[{"id": board.id, "name": "Renamed"}]).updated[0].name == "Renamed"

    later = tenant.board("later", status="scheduled", rankBy="streak", start=noon.day(5))
    assert {(item.key, item.status) for item in tenant.api.leaderboards.all_()} == {
        (board.key, "active"),
        (later.key, "scheduled"),
    }
    past = tenant.board("past", status="finished", rankBy="streak", start=noon.day(-9), end=noon.day(-5))
    assert admin.update(request=[{"id": board.id, "status": "finished"}]).updated[0].status == "finished"
    assert [item.key for item in tenant.api.leaderboards.all_()] == [later.key]
    assert {item.key for item in tenant.api.leaderboards.all_(include_finished=True)} == {board.key, later.key, past.key}
    assert tenant.api.leaderboards.get(board.key).status == "finished"


def test_the_application_view(world: World, noon: Noon) -> None:
    metric, system = world.metric(), world.system()
    by_metric = world.board("m", rankBy="metric", metricId=metric.id, description="D", end=noon.day(30))
    by_points = world.board("p", rankBy="points", pointsSystemId=system.id, runUnit="month", runInterval=1)
    seen = world.api.leaderboards.get(by_metric.key)
    assert (seen.id, seen.name, seen.key, seen.rank_by, seen.description) == (
        by_metric.id,
        by_metric.name,
        by_metric.key,
        "metric",
        "D",
    )
    assert (seen.metric_key, seen.metric_name, seen.max_participants) == (metric.key, metric.name, 1000)
    assert (seen.start, seen.end, seen.run_unit, seen.run_interval) == (noon.day(-10), noon.day(30), None, None)
    assert (seen.start_time, seen.end_time, seen.breakdown_attribute, seen.breakdown_attributes) == (None, None, None, [])
    assert (seen.user_attributes, seen.rankings) == ([], [])
    assert not {"pointsSystemKey", "pointsSystemName"} & set(world.body())
    seen = world.api.leaderboards.get(by_points.key)
    assert (seen.points_system_key, seen.points_system_name) == (system.key, system.name)
    assert (seen.run_unit, seen.run_interval, seen.end) == ("month", 1, None)
    with refused(404):
        world.api.leaderboards.get(world.name("nothing"))


def test_ranks_in_event_responses(world: World) -> None:
    metric = world.metric()
    board = world.board(rankBy="metric", metricId=metric.id)
    other = world.board("other", status="inactive", rankBy="metric", metricId=metric.id)

    def ranks(user: str, value: float) -> tuple[int | None, int | None]:
        answer = world.event(metric, user, value)
        assert set(answer.leaderboards) == {board.key}, other.key
        place = answer.leaderboards[board.key]
        return place.previous_rank, place.rank

    assert ranks("ada", 10) == (None, 1)
    assert ranks("bob", 20) == (None, 1)
    assert ranks("ada", 5) == (2, 2)
    assert ranks("ada", 6) == (2, 1)
    assert world.ranking(board) == [("ada", 1, 21), ("bob", 2, 20)]
    assert ranks("ada", -21) == (1, None), "nobody is ranked with nothing"
    assert world.ranking(board) == [("bob", 1, 20)]
    assert world.event(metric, "bob", 0).leaderboards == {}, "an event that changes no value affects no board"


def test_pages_of_rankings(world: World) -> None:
    metric = world.metric()
    board = world.board(rankBy="metric", metricId=metric.id, maxParticipants=20)
    for place in range(1, 13):
        world.event(metric, f"u{place}", 100 - place, name=f"User {place}")
    rows = world.api.leaderboards.get(board.key).rankings
    assert [(row.user_id, row.user_name, row.rank, row.value) for row in rows] == [
        (world.name(f"u{place}"), f"User {place}", place, 100 - place) for place in range(1, 11)
    ]

    def ranks(**query) -> list[int]:
        return [rank for _, rank, _ in world.ranking(board, **query)]

    assert ranks(limit=20) == list(range(1, 13))
    assert ranks(limit=0) == []
    assert ranks(offset=10) == [11, 12]
    assert ranks(offset=3, limit=2) == [4, 5]
    assert ranks(user_id=world.name("u6"), limit=2) == [6, 7]
    assert ranks(user_id=world.name("u6"), offset=1, limit=2) == [7, 8]
    assert ranks(user_id=world.name("nobody")) == []
    assert ranks(user_id=world.name("u6"), offset=-2, limit=5) == [4, 5, 6, 7, 8], "ours: rows around a user"
    assert ranks(user_id=world.name("u2"), offset=-5, limit=3) == [1, 2, 3], "nobody is above the first"
    for wrong in ({"limit": 21}, {"limit": -1}, {"offset": -1}, {"run": "yesterday"}):
        with refused(422):
            ranks(**wrong)


def test_repeating_boards_have_runs(world: World, noon: Noon) -> None:
    metric = world.metric()
    board = world.board(rankBy="metric", metricId=metric.id, runUnit="day", runInterval=7)
    place = world.event(metric, "ada", 4, tz=noon.zone).leaderboards[board.key]
    assert (place.start, place.end) == (noon.day(-3), noon.day(3)), "the dates of the run, ten days after the start"
    assert (place.rank, place.run_unit, place.run_interval) == (1, "day", 7)
    seen = world.api.leaderboards.get(board.key, run=noon.day(0))
    assert (seen.start, seen.end) == (noon.day(-10), None), "the dates of the board"
    assert world.ranking(board, run=noon.day(-3)) == [("ada", 1, 4)], "any date of the run names it"
    assert world.ranking(board, run=noon.day(-10)) == []
    with refused(422):
        world.ranking(board, run=noon.day(-11))


def test_events_before_the_start_do_not_count(world: World, noon: Noon) -> None:
    metric = world.metric()
    later = world.board("later", status="scheduled", rankBy="metric", metricId=metric.id, start=noon.day(3))
    assert later.key not in world.event(metric, "ada", 5, tz=noon.zone).leaderboards
    world.event(metric, "bob", 7, tz=noon.zone)
    now = world.board("now", rankBy="metric", metricId=metric.id, start=noon.day(-1))
    assert world.ranking(now) == [("bob", 1, 7), ("ada", 2, 5)], "what happened since the start counts at once"


def test_time_windows(world: World, noon: Noon) -> None:
    """It is between 12:00 and 13:00 in the zone of `noon`."""
    system = world.system()
    metric = world.paying(system, "metric", 10)
    admin = world.api.admin.leaderboards
    open_, shut = {"startTime": "12:00", "endTime": "13:00"}, {"startTime": "13:00:00"}
    inside = world.board("inside", rankBy="metric", metricId=metric.id, **open_)
    points = world.board("points", rankBy="points", pointsSystemId=system.id, **open_)
    outside = world.board("outside", rankBy="metric", metricId=metric.id, **shut)
    assert (inside.start_time, inside.end_time) == ("12:00", "13:00")
    assert (outside.start_time, outside.end_time) == ("13:00", None)
    places = world.event(metric, "ada", 3, tz=noon.zone).leaderboards
    assert set(places) == {inside.key, points.key}
    assert (places[inside.key].start_time, places[inside.key].end_time) == ("12:00", "13:00")
    assert world.ranking(points) == [("ada", 1, 30)]

    # The window may change at any time; then the board is counted anew.
    assert admin.update(request=[{"id": inside.id} | shut | {"endTime": None}]).updated[0].start_time == "13:00"
    assert "endTime" not in world.body()["updated"][0]
    assert world.ranking(inside) == []
    admin.update(request=[{"id": board.id, "startTime": None} for board in (inside, outside)])
    assert "startTime" not in world.body()["updated"][0]
    assert world.ranking(inside) == world.ranking(outside) == [("ada", 1, 3)]
    seen = world.api.leaderboards.get(inside.key)
    assert (seen.start_time, seen.end_time) == (None, None)
    issue(admin.update(request=[{"id": points.id, "startTime": "13:00"}]), id=points.id)
    assert admin.get(points.id).start_time == "12:00", "nothing was changed"


def test_all_parameters_at_once(world: World, noon: Noon) -> None:
    metric, city = world.metric(), world.attribute("city")
    board = world.board(
        rankBy="metric", metricId=metric.id, runUnit="day", runInterval=7, breakdownAttributes=[city.id]
    )
    for user, value, place in (("a", 9, "rome"), ("b", 8, "rome"), ("c", 7, "oslo"), ("d", 6, "rome"), ("e", 5, "rome")):
        user = {"id": world.name(user), "tz": noon.zone, "attributes": {city.key: place}}
        world.api.metrics.event(metric.key, user=user, value=value)
    asked = {"run": noon.day(-2), "user_id": world.name("d"), "user_attributes": f"{city.key}:rome"}
    assert world.ranking(board, offset=-1, limit=2, **asked) == [("b", 2, 8), ("d", 3, 6)]
    assert world.ranking(board, offset=1, limit=2, **asked) == [("e", 4, 5)]
    assert world.ranking(board, **(asked | {"user_attributes": f"{city.key}:oslo"})) == [], "d is in rome"
    place = world.api.users.leaderboard(world.name("d"), board.key, run=noon.day(0), num_events=100)
    assert (place.rank, place.value) == (3, 6)


def test_points_boards(world: World) -> None:
    system = world.system()
    metric = world.paying(system, "metric", 10)
    board = world.board(rankBy="points", pointsSystemId=system.id)
    answer = world.event(metric, "ada", 3)
    assert (answer.leaderboards[board.key].rank, answer.leaderboards[board.key].points_system_key) == (1, system.key)
    assert world.event(metric, "ada", 0.5).leaderboards == {}, "no points, no change"
    assert world.ranking(board) == [("ada", 1, 30)]


def test_streak_boards(tenant: World, noon: Noon) -> None:
    metric = tenant.metric()
    tenant.api.admin.streaks.settings.update(metrics=[{"key": metric.key, "threshold": 1}])
    board = tenant.board(rankBy="streak")
    assert tenant.event(metric, "ada", 1, tz=noon.zone).leaderboards[board.key].rank == 1
    assert tenant.event(metric, "ada", 1).leaderboards == {}
    tenant.event(metric, "bob", 0.5, tz=noon.zone)
    assert tenant.ranking(board) == [("ada", 1, 1)]


def test_boards_for_some_users_only(world: World) -> None:
    metric, plan = world.metric(), world.attribute("plan")
    filters = [{"attributeId": plan.id, "attributeValue": "pro"}]
    board = world.board(rankBy="metric", metricId=metric.id, userAttributes=filters)
    assert [(item.attribute_id, item.attribute_value) for item in board.user_attributes] == [(plan.id, "pro")]
    pro = {"id": world.name("pro"), "attributes": {plan.key: "pro"}}
    place = world.api.metrics.event(metric.key, user=pro, value=5).leaderboards[board.key]
    assert values(place.user_attributes) == [(plan.key, "pro")]
    assert world.event(metric, "free", 50).leaderboards == {}
    assert world.ranking(board) == [("pro", 1, 5)]
    world.api.users.update(world.name("free"), attributes={plan.key: "pro"})
    assert world.ranking(board) == [("free", 1, 50), ("pro", 2, 5)]
    world.api.users.update(world.name("pro"), attributes={plan.key: "free"})
    assert world.ranking(board) == [("free", 1, 50)]


def test_the_place_of_a_user(world: World, noon: Noon) -> None:
    metric = world.metric()
    board = world.board(rankBy="metric", metricId=metric.id)
    world.event(metric, "ada", 10.4, tz=noon.zone)
    world.event(metric, "bob", 5, tz=noon.zone)
    world.api.users.create(id=world.name("idle"))
    place = world.api.users.leaderboard(world.name("bob"), board.key)
    assert (place.rank, place.value, place.key, place.metric_key) == (2, 5, board.key, metric.key)
    assert len(place.history) <= 1, "one day at most has passed"
    assert world.api.users.leaderboard(world.name("bob"), board.key, num_events=0).history == []
    assert world.api.users.leaderboard(world.name("ada"), board.key, run=noon.day(0)).value == 10
    idle = world.api.users.leaderboard(world.name("idle"), board.key)
    assert (idle.rank, idle.value, idle.history) == (None, None, [])
    with refused(404):
        world.api.users.leaderboard(world.name("nobody"), board.key)
    with refused(404):
        world.api.users.leaderboard(world.name("ada"), world.name("nothing"))
    for wrong in ({"num_events": 101}, {"num_events": -1}, {"run": "never"}):
        with refused(422):
            world.api.users.leaderboard(world.name("ada"), board.key, **wrong)


@pytest.mark.parametrize("unit", ["day", "month", "year"])
def test_runs_of_every_unit(world: World, noon: Noon, unit: str) -> None:
    metric = world.metric()
    board = world.board(rankBy="metric", metricId=metric.id, start=noon.day(0), runUnit=unit, runInterval=1)
    place = world.event(metric, "ada", 1, tz=noon.zone).leaderboards[board.key]
    assert place.start == noon.day(0)
    assert place.end == noon.day(0) if unit == "day" else place.end > noon.day(26)
