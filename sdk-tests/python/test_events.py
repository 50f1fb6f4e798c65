"""Metric events: totals, attributes, idempotency, parallel senders (spec 1.11, 3.2 to 3.5)."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from world import World, refused


def test_the_answer_of_a_plain_event(world: World) -> None:
    metric = world.metric()
    answer = world.event(metric, "ada", 2.5)
    assert world.last.status_code == 201
    body = world.body()
    assert uuid.UUID(answer.event_id)
    assert (answer.metric_id, answer.total) == (metric.id, 2.5)
    assert (body["achievements"], body["points"], body["leaderboards"]) == ([], {}, {})
    assert "idempotencyKey" not in body
    assert "idempotentReplayed" not in body
    assert world.event(metric, "ada", -4).total == -1.5, "totals may fall below zero"
    assert world.event(metric, "ada", 0).total == -1.5
    assert world.total(metric, "ada") == -1.5


def test_without_streak_settings_there_is_a_zero_streak(tenant: World) -> None:
    tenant.event(tenant.metric(), "ada", 1)
    streak = tenant.body()["currentStreak"]
    assert (streak["length"], streak["extended"], streak["frequency"]) == (0, False, "daily")
    assert [streak[member] for member in ("started", "periodStart", "periodEnd", "expires")] == [None] * 4
    assert "freezes" not in streak
    assert "maxFreezes" not in streak


def test_sums_are_exact(world: World) -> None:
    metric = world.metric()
    expected = Decimal(0)
    for value in ("0.1", "0.2", "0.7", "1000000.000001", "-0.000001", "1e-6", "123456789.25"):
        expected += Decimal(value)
        assert world.event(metric, "ada", float(value)).total == float(expected)


def test_event_attributes(world: World) -> None:
    metric, source, city = world.metric(), world.attribute("source", "event"), world.attribute("city")
    assert world.event(metric, "ada", 1, attributes={source.key: "mobile"}).total == 1
    assert world.event(metric, "ada", 1, attributes={}).total == 2
    wrong = world.name("no-such-attribute")
    with refused(400, 422) as caught:
        world.event(metric, "ada", 1, attributes={source.key: "x", wrong: "y", city.key: "z"})
    assert wrong in caught.value.body["error"]
    assert city.key in caught.value.body["error"], "attributes of users are not attributes of events"
    assert world.total(metric, "ada") == 2


def test_unknown_metric(world: World) -> None:
    with refused(404):
        world.api.metrics.event(world.name("nothing"), user={"id": world.name("ada")}, value=1)
    with refused(404):
        world.api.users.get(world.name("ada"))


@pytest.mark.parametrize("key", ["k", "x" * 200, "with spaces and: punctuation"])
def test_idempotency_keys_are_echoed(world: World, key: str) -> None:
    metric, user = world.metric(), {"id": world.name("ada")}
    first = world.api.metrics.with_raw_response.event(metric.key, user=user, value=3, idempotency_key=key)
    again = world.api.metrics.with_raw_response.event(metric.key, user=user, value=3, idempotency_key=key)
    assert (first.status_code, first.data.idempotency_key, first.data.idempotent_replayed) == (201, key, False)
    assert (again.status_code, again.data.idempotency_key, again.data.idempotent_replayed) == (202, key, True)
    assert again.data.event_id == first.data.event_id


def test_a_replay_shows_the_present_and_changes_nothing(world: World) -> None:
    system = world.system()
    metric = world.paying(system, "metric", 5)
    world.achievement("metric", metricId=metric.id, metricValue=1)
    world.board(rankBy="metric", metricId=metric.id)
    send = world.api.metrics.with_raw_response.event
    first = send(metric.key, user={"id": world.name("ada"), "name": "Ada"}, value=3, idempotency_key="k")
    assert first.data.points[system.key].added == 15
    world.event(metric, "ada", 4)
    again = send(metric.key, user={"id": world.name("ada"), "name": "Eve"}, value=99, idempotency_key="k")
    assert again.status_code == 202
    body = world.body()
    assert (body["total"], body["eventId"]) == (7, first.data.event_id)
    assert (body["achievements"], body["points"], body["leaderboards"]) == ([], {}, {})
    assert body["currentStreak"]["extended"] is False
    assert world.total(metric, "ada") == 7
    assert world.api.users.points(world.name("ada"), system.key).total == 35
    assert world.api.users.get(world.name("ada")).name == "Ada", "a replay does not touch the user"


def test_parallel_events_of_one_user_are_serialised(world: World) -> None:
    system = world.system()
    metric = world.paying(system, "metric", 1)
    with ThreadPoolExecutor(8) as pool:
        totals = sorted(pool.map(lambda _: world.event(metric, "ada", 1).total, range(40)))
    assert totals == [float(count) for count in range(1, 41)]
    assert world.total(metric, "ada") == 40
    assert world.api.users.points(world.name("ada"), system.key).total == 40


def test_parallel_events_with_one_key_have_one_effect(world: World) -> None:
    metric, user = world.metric(), {"id": world.name("ada")}

    def send(_: int) -> tuple[int, str]:
        answer = world.api.metrics.with_raw_response.event(metric.key, user=user, value=2, idempotency_key="same")
        return answer.status_code, answer.data.event_id

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(16)))
    assert sorted(status for status, _ in answers) == [201] + [202] * 15
    assert len({event for _, event in answers}) == 1
    assert world.total(metric, "ada") == 2


def test_the_old_alias_of_the_application_api(world: World) -> None:
    metric = world.metric()
    body = {"user": {"id": world.name("ada")}, "value": 3}
    assert world.raw.post(f"/api/metrics/{metric.key}/event", json=body).json()["total"] == 3
    assert world.raw.get(f"/api/users/{world.name('ada')}").json()["id"] == world.name("ada")
