"""Custom attributes through the Admin API (spec 13.4)."""

from __future__ import annotations

from trophy import CreateAttributeRequestItem, UpdateAttributeRequestItem

from world import World, issue, refused


def test_create_get_update_list(tenant: World) -> None:
    admin = tenant.api.admin.attributes
    answer = admin.create(
        request=[
            CreateAttributeRequestItem(name="City", key="city", type="user"),
            CreateAttributeRequestItem(name="City of the event", key="city", type="event"),
        ]
    )
    assert tenant.last.status_code == 201
    assert not answer.issues
    assert [(item.name, item.key, item.type) for item in answer.created] == [
        ("City", "city", "user"),
        ("City of the event", "city", "event"),
    ]
    first = answer.created[0]
    assert admin.get(first.id) == first
    updated = admin.update(request=[UpdateAttributeRequestItem(id=first.id, name="Town")])
    assert [(item.name, item.key) for item in updated.updated] == [("Town", "city")]
    assert [(item.name, item.type) for item in admin.list()] == [("Town", "user"), ("City of the event", "event")]


def test_keys_are_unique_per_type_and_well_formed(world: World) -> None:
    admin = world.api.admin.attributes
    taken = world.attribute("taken")
    message = issue(admin.create(request=[{"name": "Again", "key": taken.key, "type": "user"}]), index=0)
    assert "already in use" in message
    for key in ("", "a b", "a/b", "ä"):
        issue(admin.create(request=[{"name": "Bad", "key": key, "type": "user"}]), index=0)
    twice = {"name": "Twice", "key": world.name("twice"), "type": "user"}
    answer = admin.create(request=[twice, twice])
    assert [item.key for item in answer.created] == [twice["key"]]
    assert [item.index for item in answer.issues] == [1]


def test_deleted_attributes_are_gone_and_their_key_is_free(world: World) -> None:
    admin = world.api.admin.attributes
    attribute = world.attribute("gone")
    assert [item.id for item in admin.delete(ids=[attribute.id]).deleted] == [attribute.id]
    with refused(404):
        admin.get(attribute.id)
    issue(admin.delete(ids=[attribute.id]), id=attribute.id)
    with refused(400, 422):
        world.api.users.create(id=world.name("late"), attributes={attribute.key: "x"})
    assert world.attribute("gone").id != attribute.id


def test_an_attribute_in_use_is_not_deleted(world: World) -> None:
    attribute = world.attribute("used")
    world.achievement(
        "api", key=world.name("api"), userAttributes=[{"attributeId": attribute.id, "attributeValue": "x"}]
    )
    issue(world.api.admin.attributes.delete(ids=[attribute.id]), id=attribute.id)
    assert world.api.admin.attributes.get(attribute.id) == attribute
