"""Boosts of points systems, and triggers that pay for time (spec 6.2, 6.7, 13.9)."""

from __future__ import annotations

import pytest
from trophy import CreatePointsBoostRequestItem, PatchPointsBoostsRequestItem

from world import Noon, World, issue, only, refused


def test_create_get_list_update_delete(world: World, noon: Noon) -> None:
    admin, system = world.api.admin.points.boosts, world.system()
    item = CreatePointsBoostRequestItem(name="Double", start=noon.day(-1), multiplier=2)
    boost = only(admin.create(system.id, request=[item]))
    assert (boost.name, boost.status, boost.start, boost.end) == ("Double", "active", noon.day(-1), None)
    assert (boost.multiplier, boost.rounding, boost.user_id, boost.user_attributes) == (2, "down", None, [])
    assert admin.get(system.id, boost.id) == boost
    assert admin.list(system.id) == [boost]
    change = PatchPointsBoostsRequestItem(id=boost.id, end=noon.day(3), rounding="up", multiplier=1.5)
    changed = admin.update(system.id, request=[change]).updated[0]
    assert (changed.end, changed.rounding, changed.multiplier, changed.name) == (noon.day(3), "up", 1.5, "Double")
    assert [item.id for item in admin.delete(system.id, ids=[boost.id]).deleted] == [boost.id]
    with refused(404):
        admin.get(system.id, boost.id)
    with refused(404):
        world.api.points.boosts(world.name("nothing"))


@pytest.mark.parametrize("item", [{"multiplier": 1}, {"multiplier": 100}, {"multiplier": 0}, {"start": "x"}, {"userId": "?"}])
def test_boosts_that_cannot_be_created(world: World, noon: Noon, item: dict) -> None:
    body = [{"name": "B", "start": noon.day(0), "multiplier": 2} | item]
    answer = world.raw.post(f"/admin/v1/points/{world.system().id}/boosts", json=body)
    assert (answer.status_code, answer.json()["created"]) == (200, [])
    assert [found["index"] for found in answer.json()["issues"]] == [0]


def test_awards_are_multiplied_and_name_their_boosts(world: World, noon: Noon) -> None:
    system = world.system()
    metric = world.paying(system, "metric", 10)
    world.event(metric, "ada", 1, tz=noon.zone)
    admin = world.api.admin.points.boosts
    shared = only(admin.create(system.id, request=[{"name": "S", "start": noon.day(0), "multiplier": 1.5}]))
    own = {"name": "O", "start": noon.day(0), "end": noon.day(0), "multiplier": 1.5, "userId": world.name("ada")}
    own = only(admin.create(system.id, request=[own]))
    later = only(admin.create(system.id, request=[{"name": "L", "start": noon.day(5), "multiplier": 3}]))
    assert (own.user_id, own.user_attributes, later.status) == (world.name("ada"), None, "scheduled")
    award = world.event(metric, "ada", 1).points[system.key].awards[0]
    assert (award.awarded, [boost.id for boost in award.boosts]) == (22, [shared.id, own.id])
    award = world.event(metric, "bob", 1, tz=noon.zone).points[system.key].awards[0]
    assert (award.awarded, [boost.id for boost in award.boosts]) == (15, [shared.id])
    read = world.api.users.points(world.name("ada"), system.key)
    assert [len(award.boosts) for award in read.awards] == [2, 0]
    assert [boost.id for boost in world.api.users.points_boosts(world.name("ada"), system.key)] == [shared.id, own.id]
    assert [boost.id for boost in world.api.points.boosts(system.key)] == [shared.id, later.id]
    assert [boost.id for boost in world.api.points.boosts(system.key, include_finished=True)] == [shared.id, later.id]


def test_boosts_and_time_triggers_inside_a_new_system(world: World, noon: Noon) -> None:
    time = {"type": "time", "points": 1, "timeUnit": "days", "timeInterval": 2, "status": "active"}
    system = world.system(boosts=[{"name": "B", "start": noon.day(0), "multiplier": 2}], triggers=[time])
    assert [boost.name for boost in system.boosts] == ["B"]
    assert [(trigger.time_unit, trigger.time_interval) for trigger in system.triggers] == [("days", 2)]
    shown = world.api.points.system(system.key).triggers
    assert [(trigger.time_unit, trigger.time_interval) for trigger in shown] == [("day", 2)]


def test_time_triggers(world: World) -> None:
    admin, system = world.api.admin.points.triggers, world.system()
    trigger = world.trigger(system, "time", 3, status="inactive", timeUnit="hours", timeInterval=4)
    assert (trigger.type, trigger.time_unit, trigger.time_interval) == ("time", "hours", 4)
    changed = admin.update(system.id, request=[{"id": trigger.id, "timeUnit": "days", "status": "active"}]).updated[0]
    assert (changed.time_unit, changed.time_interval, changed.status) == ("days", 4, "active")
    item = {"type": "time", "points": 1, "timeUnit": "hours"}
    assert "timeInterval" in issue(admin.create(system.id, request=[item]), index=0)
    world.api.users.identify(world.name("ada"))
    assert world.api.users.points(world.name("ada"), system.key).awards == []
