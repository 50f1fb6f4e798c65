"""Users: create, identify, update, get, and identification inside other calls (spec 2.1 to 2.4)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from trophy import UpsertedUser

from world import Noon, World, refused


def test_create_returns_every_member(world: World) -> None:
    id = world.name("ada")
    user = world.api.users.create(
        id=id, email="ada@example.com", name="Ada", tz="Europe/London", device_tokens=["a", "b"], sign_up_date="2025-02-28"
    )
    assert world.last.status_code == 201
    assert (user.id, user.email, user.name, user.tz) == (id, "ada@example.com", "Ada", "Europe/London")
    assert user.device_tokens == ["a", "b"]
    assert user.sign_up_date == "2025-02-28"
    assert user.subscribe_to_emails is True
    assert user.attributes == {}
    assert user.control is False
    assert abs(user.created - datetime.now(UTC)) < timedelta(minutes=5)
    assert world.api.users.get(id) == user


def test_create_with_an_id_alone(world: World) -> None:
    world.api.users.create(id=world.name("bare"))
    body = world.body()
    assert [body[member] for member in ("email", "name", "tz", "deviceTokens", "signUpDate")] == [None] * 5
    assert body["subscribeToEmails"] is True


def test_create_of_a_known_id_updates_and_still_answers_201(world: World) -> None:
    id = world.name("twice")
    first = world.api.users.create(id=id, name="One", tz="Asia/Tokyo")
    second = world.api.users.create(id=id, name="Two")
    assert world.last.status_code == 201
    assert (second.name, second.tz, second.created) == ("Two", "Asia/Tokyo", first.created)
    assert second.updated >= first.updated


def test_identify_creates_then_merges(world: World) -> None:
    id = world.name("identified")
    assert world.api.users.identify(id, name="One", email="one@example.com").name == "One"
    again = world.api.users.identify(id, tz="America/New_York")
    assert (again.name, again.email, again.tz) == ("One", "one@example.com", "America/New_York")
    assert world.api.users.identify(id).name == "One", "a call with no members changes nothing"


def test_update_keeps_absent_members_and_clears_null_ones(world: World) -> None:
    id = world.name("three-state")
    world.api.users.create(
        id=id, name="N", tz="Europe/Rome", device_tokens=["t"], sign_up_date="2024-01-01", email="n@example.com"
    )
    assert world.api.users.update(id, name="M").tz == "Europe/Rome"
    cleared = world.api.users.update(id, tz=None, device_tokens=None, sign_up_date=None)
    assert (cleared.tz, cleared.device_tokens, cleared.sign_up_date) == (None, None, None)
    assert (cleared.name, cleared.email) == ("M", "n@example.com")
    again = world.api.users.update(id, name=None, email=None)
    assert (again.name, again.email) == (None, None)
    assert world.api.users.get(id) == again


def test_unknown_users(world: World) -> None:
    id = world.name("nobody")
    with refused(404):
        world.api.users.get(id)
    with refused(404):
        world.api.users.update(id, name="N")
    with refused(404):
        world.api.users.get(id)


def test_attributes_merge_by_key_and_null_removes(world: World) -> None:
    city, plan = world.attribute("city"), world.attribute("plan")
    id = world.name("attributed")
    world.api.users.create(id=id, attributes={city.key: "london", plan.key: ""})
    merged = world.api.users.update(id, attributes={city.key: "paris"})
    assert merged.attributes == {city.key: "paris", plan.key: ""}
    answer = world.raw.patch(f"/v1/users/{id}", json={"attributes": {city.key: None}})
    assert answer.json()["attributes"] == {plan.key: ""}


def test_unknown_attributes_are_named_and_nothing_is_stored(world: World) -> None:
    event_attribute = world.attribute("source", "event")
    id, wrong = world.name("wrong"), world.name("no-such-attribute")
    with refused(400, 422) as caught:
        world.api.users.create(id=id, attributes={wrong: "x"})
    assert wrong in caught.value.body["error"]
    with refused(404):
        world.api.users.get(id)
    with refused(400, 422) as caught:
        world.api.users.identify(id, attributes={event_attribute.key: "x", wrong: "y"})
    assert event_attribute.key in caught.value.body["error"], "attributes of events are not attributes of users"
    assert wrong in caught.value.body["error"]
    world.api.users.create(id=id, name="Before")
    with refused(400, 422):
        world.api.users.update(id, name="After", attributes={wrong: "x"})
    assert world.api.users.get(id).name == "Before"


def test_subscription_to_emails(world: World) -> None:
    id = world.name("mail")
    with refused(400, 422):
        world.api.users.create(id=id, subscribe_to_emails=True)
    off = world.api.users.create(id=id, email="m@example.com", subscribe_to_emails=False)
    assert (off.subscribe_to_emails, off.email) == (False, None)
    assert world.api.users.identify(id, name="M").subscribe_to_emails is False, "absent is not the default of creation"
    on = world.api.users.update(id, email="m@example.com", subscribe_to_emails=True)
    assert (on.subscribe_to_emails, on.email) == (True, "m@example.com")
    dropped = world.api.users.update(id, subscribe_to_emails=False)
    assert (dropped.subscribe_to_emails, dropped.email) == (False, None)


@pytest.mark.parametrize("zone", ["US/Eastern", "Asia/Calcutta", "Europe/Kyiv", "Etc/GMT+12", "Pacific/Kiritimati"])
def test_zones_include_the_backward_links(world: World, zone: str) -> None:
    assert world.api.users.create(id=world.name("zoned"), tz=zone).tz == zone


@pytest.mark.parametrize("zone", ["Europe/Atlantis", "", "+02:00", "../etc/passwd"])
def test_unknown_zones(world: World, zone: str) -> None:
    with refused(400, 422):
        world.api.users.create(id=world.name("lost"), tz=zone)


def test_sign_up_date(world: World, noon: Noon) -> None:
    id = world.name("signed-up")
    assert world.api.users.create(id=id, sign_up_date="2025-03-01T23:30:00-05:00").sign_up_date == "2025-03-02"
    for wrong in (noon.day(3), "2025-02-30", "yesterday"):
        with refused(400, 422):
            world.api.users.update(id, sign_up_date=wrong)
    assert world.api.users.get(id).sign_up_date == "2025-03-02"


@pytest.mark.parametrize("noun", ["with space", "ünïcødé-日本", "a.b@c.d", "comma,comma", "%25", "~!*'()"])
def test_ids_are_free_text(world: World, noun: str) -> None:
    id = world.name(noun)
    world.api.users.create(id=id, name=noun)
    # The client leaves some characters of a path as they are, so the raw client asks too.
    assert world.raw.get(f"/v1/users/{quote(id, safe='')}").json()["name"] == noun
    if "%" not in noun:
        assert world.api.users.get(id).name == noun


@pytest.mark.parametrize("id", ["", "a/b", "x" * 256])
def test_unusable_ids(world: World, id: str) -> None:
    with refused(400, 422):
        world.api.users.create(id=id)
    metric = world.metric()
    with refused(400, 422):
        world.api.metrics.event(metric.key, user={"id": id}, value=1)


def test_inline_identification(world: World) -> None:
    metric, city = world.metric(), world.attribute("city")
    id = world.name("inline")
    typed = UpsertedUser(id=id, name="Inline", tz="Europe/Paris", attributes={city.key: "x"}, sign_up_date="2020-01-01")
    world.api.metrics.event(metric.key, user=typed, value=1)
    user = world.api.users.get(id)
    assert (user.name, user.tz, user.attributes, user.sign_up_date) == (
        "Inline",
        "Europe/Paris",
        {city.key: "x"},
        "2020-01-01",
    )
    world.api.metrics.event(metric.key, user={"id": id, "tz": None}, value=1)
    user = world.api.users.get(id)
    assert (user.name, user.tz) == ("Inline", None)


def test_inline_identification_that_is_refused_stores_neither_user_nor_event(world: World) -> None:
    metric = world.metric()
    with refused(400, 422):
        world.event(metric, "refused", 1, tz="Nowhere/Land")
    with refused(404):
        world.api.users.get(world.name("refused"))


def test_unknown_members_are_ignored(world: World) -> None:
    id = world.name("stray")
    answer = world.raw.put(f"/v1/users/{id}", json={"id": "other", "name": "N", "control": True, "stray": {"a": [1]}})
    assert answer.status_code == 200
    assert (answer.json()["id"], answer.json()["control"]) == (id, False)
