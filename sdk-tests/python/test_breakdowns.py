"""Leaderboards broken down by user attributes (spec 7.8)."""

from __future__ import annotations

import pytest

from world import World, refused


@pytest.fixture
def metric(world: World):
    """The metric the boards rank by."""
    return world.metric()


def send(world: World, metric, user: str, value: float, **attributes: str):
    """An event of a user with these attributes."""
    named = {world.name(key): text for key, text in attributes.items()}
    return world.api.metrics.event(metric.key, user={"id": world.name(user), "attributes": named}, value=value)


def test_one_attribute(world: World, metric) -> None:
    city = world.attribute("city")
    board = world.board(rankBy="metric", metricId=metric.id, breakdownAttributes=[city.id], maxParticipants=2)
    assert board.breakdown_attributes == [city.id]
    place = send(world, metric, "ada", 10, city="london").leaderboards[board.key]
    assert (place.rank, place.breakdown_attribute_value) == (1, "london")
    assert [(item.key, item.value) for item in place.breakdown_attribute_values] == [(city.key, "london")]
    assert (place.breakdown_attributes, place.breakdown_attribute) == ([city.key], city.key)
    assert send(world, metric, "bob", 20, city="paris").leaderboards[board.key].rank == 1
    assert send(world, metric, "eve", 5, city="london").leaderboards[board.key].rank == 2
    assert send(world, metric, "joe", 4, city="london").leaderboards[board.key].rank is None, "the limit is per group"
    assert send(world, metric, "max", 99).leaderboards == {}, "no city, no group"

    assert world.ranking(board, user_attributes=f"{city.key}:london") == [("ada", 1, 10), ("eve", 2, 5)]
    assert world.ranking(board, user_attributes=f"{city.key}:paris") == [("bob", 1, 20)]
    assert world.ranking(board, user_attributes=f"{city.key}:rome") == []
    place = world.api.users.leaderboard(world.name("eve"), board.key)
    assert (place.rank, place.value) == (2, 5)


def test_users_move_between_groups_with_their_value(world: World, metric) -> None:
    city = world.attribute("city")
    board = world.board(rankBy="metric", metricId=metric.id, breakdownAttributes=[city.id])
    send(world, metric, "ada", 10, city="london")
    world.api.users.update(world.name("ada"), attributes={city.key: "paris"})
    assert world.ranking(board, user_attributes=f"{city.key}:london") == []
    assert world.ranking(board, user_attributes=f"{city.key}:paris") == [("ada", 1, 10)]


def test_two_attributes(world: World, metric) -> None:
    city, plan = world.attribute("city"), world.attribute("plan")
    board = world.board(rankBy="metric", metricId=metric.id, breakdownAttributes=[city.id, plan.id])
    send(world, metric, "ada", 10, city="london", plan="pro")
    send(world, metric, "bob", 20, city="london", plan="free")
    send(world, metric, "eve", 30, city="paris", plan="pro")
    place = send(world, metric, "ada", 5).leaderboards[board.key]
    assert place.rank == 1
    assert {item.key: item.value for item in place.breakdown_attribute_values} == {city.key: "london", plan.key: "pro"}
    assert "breakdownAttributeValue" not in world.body()["leaderboards"][board.key]
    assert world.ranking(board, user_attributes=f"{city.key}:london,{plan.key}:pro") == [("ada", 1, 15)]
    assert world.ranking(board, user_attributes=f"{city.key}:london") == [("bob", 1, 20), ("ada", 2, 15)]
    assert world.ranking(board, user_attributes=f"{plan.key}:pro") == [("eve", 1, 30), ("ada", 2, 15)]
    seen = world.api.leaderboards.get(board.key, user_attributes=f"{plan.key}:pro")
    assert (seen.breakdown_attribute, seen.breakdown_attributes) == (None, [city.key, plan.key])


def test_the_parameter_is_for_these_boards_and_these_attributes(world: World, metric) -> None:
    city, plan = world.attribute("city"), world.attribute("plan")
    broken = world.board("broken", rankBy="metric", metricId=metric.id, breakdownAttributes=[city.id])
    whole = world.board("whole", rankBy="metric", metricId=metric.id)
    with refused(422):
        world.api.leaderboards.get(broken.key)
    with refused(422):
        world.api.leaderboards.get(broken.key, user_attributes=f"{plan.key}:pro")
    with refused(422):
        world.api.leaderboards.get(whole.key, user_attributes=f"{city.key}:london")
