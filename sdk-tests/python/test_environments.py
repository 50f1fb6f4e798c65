"""The environments of the organization (spec 12.1, 15.3)."""

from __future__ import annotations

from world import World, refused


def test_a_new_server_has_production_only(world: World, tenant: World, operator: World) -> None:
    for caller in (world, tenant):
        found = caller.api.admin.environments.list()
        assert [(item.key, item.priority) for item in found] == [("production", 1)]
        assert set(caller.body()[0]) == {"name", "key", "priority"}
    with refused(422):
        operator.api.admin.environments.list()
