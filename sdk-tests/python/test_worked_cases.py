"""The worked cases of spec Appendix D that need no moved clock, named after their number.

Left to the tests of the server, which can move its clock or see its webhooks: D.7, D.8, D.10, D.14. Left to later parts: D.6,
D.12, the boosts of D.4, the freezes and boosts of D.13, the batch of D.2.
"""

from __future__ import annotations

import calendar
from datetime import timedelta

import pytest

from world import Noon, World, issue, refused

LEVELS = [("Bronze", 0), ("Silver", 50), ("Gold", 200)]


def with_levels(world: World, noun: str, levels: list[tuple[str, int]], **members):
    """A points system with these levels and a metric each to earn and to spend, one point per unit."""
    items = [{"name": name, "key": name.lower(), "points": points} for name, points in levels]
    system = world.system(noun, levels=items, **members)
    return system, world.paying(system, f"{noun}-earn", 1), world.paying(system, f"{noun}-spend", -1)


def test_d1_first_event_of_a_new_user(tenant: World, noon: Noon) -> None:
    words = tenant.metric("words-written")
    achievement = tenant.achievement("metric", metricId=words.id, metricValue=500)
    tenant.api.admin.streaks.settings.update(frequency="daily", metrics=[{"key": words.key, "threshold": 1}])
    items = [{"name": name, "key": name.lower(), "points": points} for name, points in LEVELS[:2]]
    system = tenant.system("xp", levels=items)
    trigger = tenant.trigger(system, "metric", 10, metricId=words.id, metricThreshold=100)
    board = tenant.board("all-time", rankBy="metric", metricId=words.id, maxParticipants=100)

    answer = tenant.event(words, "18", 750, tz=noon.zone)
    body = tenant.body()
    assert tenant.last.status_code == 201
    assert answer.total == 750
    assert [(item.id, item.metric_value) for item in answer.achievements] == [(achievement.id, 500)]
    assert answer.achievements[0].achieved_at is not None
    streak = answer.current_streak
    assert (streak.length, streak.extended, streak.frequency) == (1, True, "daily")
    assert (streak.started, streak.period_start, streak.period_end) == (noon.day(0),) * 3
    assert streak.expires == noon.day(1)
    points = answer.points[system.key]
    assert (points.added, points.total, points.level.name) == (70, 70, "Silver")
    assert [(award.awarded, award.total, award.trigger.id) for award in points.awards] == [(70, 70, trigger.id)]
    place = answer.leaderboards[board.key]
    assert (place.previous_rank, place.rank, place.threshold) == (None, 1, 0)
    assert (place.start, place.end) == (board.start, None)
    assert "idempotencyKey" not in body
    assert body["leaderboards"][board.key]["runInterval"] is None

    answer = tenant.event(words, "18", 1)
    assert (answer.total, answer.achievements, answer.points) == (751, [], {})
    assert (answer.current_streak.extended, answer.current_streak.length) == (False, 1)
    place = answer.leaderboards[board.key]
    assert (place.rank, place.previous_rank) == (1, 1)


def test_d2_idempotency(world: World) -> None:
    a, b = world.metric("a"), world.metric("b")
    wrong = {world.name("unknown"): "x"}

    def send(metric, user: str, value: float, key: str, **members):
        answer = world.api.metrics.with_raw_response.event(
            metric.key, user={"id": world.name(user)}, value=value, idempotency_key=key, **members
        )
        return answer.status_code, answer.data.idempotent_replayed, answer.data.total, answer.data.event_id

    status, replayed, total, event = send(a, "1", 5, "k")
    assert (status, replayed, total) == (201, False, 5)
    assert send(a, "1", 6, "k") == (202, True, 5, event)
    assert send(b, "1", 5, "k")[:3] == (201, False, 5)
    assert send(a, "2", 5, "k")[:3] == (201, False, 5)
    with refused(400, 422):
        send(a, "1", 1, "free", attributes=wrong)
    assert send(a, "1", 1, "free")[:3] == (201, False, 6)


@pytest.mark.parametrize(
    ("threshold", "points", "sent", "totals", "awarded"),
    [
        (3, 10, [2, 2, -2, 2, 5], [2, 4, 2, 4, 9], [0, 10, 0, 0, 20]),
        (3, 10, [7], [7], [20]),
        (1, 5, [0.1] * 10, [tenths / 10 for tenths in range(1, 11)], [0] * 9 + [5]),
    ],
)
def test_d3_crossings(world: World, threshold: int, points: int, sent, totals, awarded) -> None:
    system = world.system()
    metric = world.paying(system, "metric", points, threshold)
    for value, total, award in zip(sent, totals, awarded, strict=True):
        answer = world.event(metric, "ada", value)
        assert answer.total == total
        assert (answer.points[system.key].added if award else answer.points) == (award or {})
    assert world.api.users.points(world.name("ada"), system.key).total == sum(awarded)


@pytest.mark.parametrize(("before", "awarded"), [(95, 5), (100, 0)])
def test_d4_the_maximum_clips_awards(world: World, before: int, awarded: int) -> None:
    system = world.system(maxPoints=100)
    one, ten = world.paying(system, "one", 1), world.paying(system, "ten", 10)
    world.event(one, "ada", before)
    answer = world.event(ten, "ada", 1)
    if awarded:
        points = answer.points[system.key]
        assert (points.added, points.total, [award.awarded for award in points.awards]) == (5, 100, [5])
    else:
        assert answer.points == {}
    read = world.api.users.points(world.name("ada"), system.key)
    assert (read.total, len(read.awards)) == (100, 2 if awarded else 1), "an award of nothing leaves no record"


def test_d4_the_balance_stops_at_zero(world: World) -> None:
    system = world.system()
    one, ten = world.paying(system, "one", 1), world.paying(system, "ten", -10)
    world.event(one, "ada", 4)
    points = world.event(ten, "ada", 1).points[system.key]
    assert (points.added, points.total, [award.awarded for award in points.awards]) == (-4, 0, [-4])


def test_d4_a_blocking_trigger_refuses_the_event(world: World) -> None:
    system = world.system()
    one, ten = world.paying(system, "one", 1), world.paying(system, "ten", -10, blockIfOutOfPoints=True)
    world.event(one, "ada", 4)
    with refused(422):
        world.event(ten, "ada", 1)
    assert world.total(ten, "ada") == 0
    read = world.api.users.points(world.name("ada"), system.key)
    assert (read.total, len(read.awards)) == (4, 1)
    world.event(one, "ada", 6)
    assert world.event(ten, "ada", 1).points[system.key].total == 0, "exactly enough is enough"


@pytest.mark.parametrize(
    ("before", "after", "level"), [(10, 40, "absent"), (40, 50, "Silver"), (40, 250, "Gold"), (60, 45, "Bronze")]
)
def test_d5_levels(world: World, before: int, after: int, level: str) -> None:
    system, earn, spend = with_levels(world, "xp", LEVELS)
    world.event(earn, "ada", before)
    change = after - before
    world.event(earn if change > 0 else spend, "ada", abs(change))
    points = world.body()["points"][system.key]
    assert points["total"] == after
    assert (points["level"]["name"] if "level" in points else "absent") == level


def test_d5_below_the_lowest_level(world: World) -> None:
    system, earn, spend = with_levels(world, "xp", [("Bronze", 10)])
    world.event(earn, "ada", 12)
    world.event(spend, "ada", 9)
    points = world.body()["points"][system.key]
    assert (points["total"], points["level"]) == (3, None)
    assert "level" in points
    assert world.api.users.points(world.name("ada"), system.key).level is None


def test_d9_weekly(tenant: World, noon: Noon) -> None:
    metric = tenant.metric()
    tenant.api.admin.streaks.settings.update(frequency="weekly", metrics=[{"key": metric.key, "threshold": 1}])
    sunday = noon.today - timedelta(days=(noon.today.weekday() + 1) % 7)
    streak = tenant.event(metric, "ada", 1, tz=noon.zone).current_streak
    assert (streak.length, streak.started) == (1, noon.day(0))
    assert (streak.period_start, streak.period_end, streak.expires) == (
        sunday.isoformat(),
        (sunday + timedelta(days=6)).isoformat(),
        (sunday + timedelta(days=13)).isoformat(),
    )


def test_d9_monthly(tenant: World, noon: Noon) -> None:
    metric = tenant.metric()
    tenant.api.admin.streaks.settings.update(frequency="monthly", metrics=[{"key": metric.key, "threshold": 1}])
    first = noon.today.replace(day=1)
    after = (first + timedelta(days=31)).replace(day=1)
    streak = tenant.event(metric, "ada", 1, tz=noon.zone).current_streak
    assert (streak.period_start, streak.period_end, streak.expires) == (
        first.isoformat(),
        (after - timedelta(days=1)).isoformat(),
        after.replace(day=calendar.monthrange(after.year, after.month)[1]).isoformat(),
    )


@pytest.mark.parametrize(("mode", "extended"), [("AND", [False, False, False, True]), ("OR", [False, True, False, False])])
def test_d9_and_or(tenant: World, noon: Noon, mode: str, extended: list[bool]) -> None:
    a, b = tenant.metric("a"), tenant.metric("b")
    tenant.api.admin.streaks.settings.update(
        frequency="daily",
        evaluation_mode=mode,
        metrics=[{"key": a.key, "threshold": 5}, {"key": b.key, "threshold": 2}],
    )
    seen = [
        tenant.event(metric, "ada", value, tz=noon.zone).current_streak.extended
        for metric, value in [(a, 3), (a, 2), (b, 1), (b, 1)]
    ]
    assert seen == extended
    after = tenant.event(a, "ada", -4).current_streak
    assert (after.extended, after.length) == (False, 1), "what is met stays met"
    assert tenant.api.users.streak(tenant.name("ada")).length == 1


def test_d11_rankings(world: World) -> None:
    metric = world.metric()
    board = world.board(rankBy="metric", metricId=metric.id, maxParticipants=3)
    for user, value in [("a", 30), ("b", 20), ("c", 20)]:
        world.event(metric, user, value)
    assert world.ranking(board, limit=3) == [("a", 1, 30), ("b", 2, 20), ("c", 3, 20)]
    place = world.event(metric, "d", 20).leaderboards[board.key]
    assert (place.rank, place.threshold) == (None, 21)
    assert world.ranking(board, limit=3) == [("a", 1, 30), ("b", 2, 20), ("c", 3, 20)]
    place = world.event(metric, "d", 1).leaderboards[board.key]
    assert (place.previous_rank, place.rank) == (None, 2)
    assert world.ranking(board, limit=3) == [("a", 1, 30), ("d", 2, 21), ("b", 3, 20)]
    assert world.api.users.leaderboard(world.name("c"), board.key).rank is None


def test_d11_values_are_rounded_but_ranked_exactly(world: World) -> None:
    metric = world.metric()
    board = world.board(rankBy="metric", metricId=metric.id)
    for user, value in [("a", 2.5), ("b", 2.6), ("c", 2.4), ("d", 2.500001)]:
        world.event(metric, user, value)
    assert world.ranking(board) == [("b", 1, 3), ("d", 2, 3), ("a", 3, 3), ("c", 4, 2)]
    raw = world.raw.get(f"/v1/leaderboards/{board.key}").text
    assert ".0" not in raw.partition('"rankings"')[2].partition("]")[0], "integers without a fraction"


def test_d13_partial_success(world: World) -> None:
    item = {"name": "Good", "key": world.name("good"), "type": "user"}
    bad = {"name": 5, "key": world.name("bad"), "type": "user"}
    answer = world.raw.post("/admin/v1/attributes", json=[item, bad])
    assert answer.status_code == 201
    assert [made["key"] for made in answer.json()["created"]] == [item["key"]]
    assert [(found["index"], found["severity"]) for found in answer.json()["issues"]] == [(1, "error")]
    answer = world.raw.post("/admin/v1/attributes", json=[bad, bad])
    assert (answer.status_code, answer.json()["created"]) == (200, [])
    assert [found["index"] for found in answer.json()["issues"]] == [0, 1]


@pytest.mark.parametrize("path", ["attributes", "metrics", "achievements", "points", "leaderboards", "application-api-keys"])
def test_d13_bodies_that_are_no_batch(world: World, path: str) -> None:
    batches = ({}, [], None, "x", 5, [{"name": "N"}] * 101)
    verbs = ("POST",) if path == "application-api-keys" else ("POST", "PATCH")
    for verb in verbs:
        for body in batches:
            assert world.raw.request(verb, f"/admin/v1/{path}", json=body).status_code == 422, (verb, body)
    answer = world.raw.post(f"/admin/v1/{path}", json=["x", None, []])
    assert answer.status_code == 200, "items that are no objects are issues of their own"
    assert [found["index"] for found in answer.json()["issues"]] == [0, 1, 2]


def test_d13_patch_of_an_unknown_id(world: World) -> None:
    unknown = "00000000-0000-7000-8000-000000000000"
    admin, system = world.api.admin, world.system()
    for resource in (admin.attributes, admin.metrics, admin.achievements, admin.points.systems, admin.leaderboards):
        issue(resource.update(request=[{"id": unknown, "name": "N"}]), id=unknown)
    issue(admin.points.levels.update(system.id, request=[{"id": unknown, "name": "N"}]), id=unknown)
    issue(admin.points.triggers.update(system.id, request=[{"id": unknown, "points": 1}]), id=unknown)


@pytest.mark.parametrize("separate", [True, False])
def test_d13_delete_in_both_forms(world: World, separate: bool) -> None:
    ids = [world.metric("a").id, world.metric("b").id]
    deleted = world.api.admin.metrics.delete(ids=ids if separate else ",".join(ids))
    assert [item.id for item in deleted.deleted] == ids
    assert deleted.issues == []


def test_d13_delete_of_nothing_and_of_nonsense(world: World) -> None:
    admin = world.api.admin
    for resource in (admin.attributes, admin.metrics, admin.achievements, admin.points.systems, admin.leaderboards):
        with refused(422):
            resource.delete()
        with refused(422):
            resource.delete(ids=["00000000-0000-7000-8000-000000000000"] * 101)
        issue(resource.delete(ids=["nonsense"]), id="nonsense")
        unknown = "00000000-0000-7000-8000-000000000000"
        issue(resource.delete(ids=[unknown]), id=unknown)
        for wrong in ("nonsense", "0"):
            with refused(422):
                resource.get(wrong)


def test_d13_a_trigger_without_points(world: World) -> None:
    system = world.system()
    issue(world.api.admin.points.triggers.create(system.id, request=[{"type": "user_creation", "points": 0}]), index=0)


def test_d13_boards(world: World, noon: Noon) -> None:
    admin = world.api.admin.leaderboards
    board = {"name": "B", "key": world.name("board"), "rankBy": "streak"}
    issue(admin.create(request=[board | {"runUnit": "day", "runInterval": 1}]), index=0)
    issue(admin.create(request=[board | {"status": "active", "start": noon.day(3)}]), index=0)


def test_d13_the_type_of_an_active_trigger(world: World) -> None:
    admin, system = world.api.admin.points.triggers, world.system()
    trigger = world.trigger(system, "streak", 1, streakLength=1)
    issue(admin.update(system.id, request=[{"id": trigger.id, "type": "user_creation"}]), id=trigger.id)
    assert admin.get(system.id, trigger.id).type == "streak"


def test_d13_an_unknown_points_system(world: World) -> None:
    unknown = "00000000-0000-7000-8000-000000000000"
    levels, triggers = world.api.admin.points.levels, world.api.admin.points.triggers
    calls = [
        lambda: levels.list(unknown),
        lambda: levels.create(unknown, request=[{"name": "L", "key": "l", "points": 1}]),
        lambda: levels.update(unknown, request=[{"id": unknown}]),
        lambda: levels.delete(unknown, ids=[unknown]),
        lambda: levels.get(unknown, unknown),
        lambda: triggers.list(unknown),
        lambda: triggers.create(unknown, request=[{"type": "user_creation", "points": 1}]),
        lambda: triggers.update(unknown, request=[{"id": unknown}]),
        lambda: triggers.delete(unknown, ids=[unknown]),
        lambda: triggers.get(unknown, unknown),
    ]
    for call in calls:
        with refused(404):
            call()


def test_d15_arrays(world: World) -> None:
    metric = world.metric()
    for user in ("a", "b", "a,x"):
        world.event(metric, user, 1)
    a, b, comma = world.name("a"), world.name("b"), world.name("a,x")

    def found(query: str) -> set[str]:
        return {item["userId"] for item in world.raw.get(f"/v1/streaks?{query}").json()}

    assert found(f"userIds={a}&userIds={b}") == {a, b}
    assert found(f"userIds={a},{b}") == found(f"userIds={a}%2C{b}") == {a, b}
    assert found(f"userIds={a},x&userIds={b}") == {comma, b}
    assert found(f"userIds[]={a}&userIds[]={b}") == found(f"userIds[0]={a}&userIds[1]={b}") == {a, b}
    assert {item.user_id for item in world.api.streaks.list(user_ids=[comma, b])} == {comma, b}


def test_d15_attributes(tenant: World) -> None:
    attributes = {noun: tenant.attribute(noun) for noun in ("city", "plan", "url")}

    def filtered(**wanted: str) -> str:
        filters = [{"attributeId": attributes[noun].id, "attributeValue": text} for noun, text in wanted.items()]
        return tenant.achievement("api", key=f"for-{len(wanted)}-{'-'.join(wanted) or 'all'}", userAttributes=filters).id

    everybody = filtered()
    london, london_pro, site = filtered(city="london"), filtered(city="london", plan="pro"), filtered(url="http://x")
    city, plan, url = (attributes[noun].key for noun in ("city", "plan", "url"))

    def found(text: str | None) -> set[str]:
        return {item.id for item in tenant.api.achievements.all_(user_attributes=text)}

    assert found(None) == {everybody, london, london_pro, site}
    assert found(f"{city}:london") == {everybody, london}
    assert found(f"{city}:london,{plan}:pro") == {everybody, london, london_pro}
    assert found(f"{city}:London,{plan}:pro") == {everybody}
    assert found(f"{url}:http://x") == {everybody, site}
    with refused(422):
        found(city)
