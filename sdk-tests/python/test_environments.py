"""The environments of the organization (spec 12.1, 15.3)."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from conftest import served
from process import ADMIN_KEY, Server
from world import World, refused


@pytest.fixture
def own(store: str) -> Iterator[Server]:
    """A server whose environments are those of one test."""
    yield from served(store, multi_tenancy=False)


def test_a_new_server_has_production_only(own: Server, tenant: World, operator: World) -> None:
    for caller in (World(own.url, ADMIN_KEY), tenant):
        found = caller.api.admin.environments.list()
        assert [(item.key, item.priority) for item in found] == [("production", 1)]
        assert set(caller.body()[0]) == {"name", "key", "priority"}
    with refused(422):
        operator.api.admin.environments.list()


def test_environments_are_listed_by_priority_and_keep_apart(own: Server) -> None:
    production = World(own.url, ADMIN_KEY)
    stages = {}
    for key, kind in (("dev-b", "development"), ("stage", "staging"), ("dev-a", "development")):
        item = {"name": key.upper(), "key": key, "type": kind}
        answer = httpx.post(f"{own.url}/admin/v1/environments", headers={"X-API-KEY": ADMIN_KEY}, json=item)
        assert answer.status_code == 201, answer.text
        stages[key] = World(own.url, answer.json()["adminKey"])
    expected = [("production", 1), ("stage", 2), ("dev-b", 3), ("dev-a", 3)]
    for caller in (production, *stages.values()):
        assert [(item.key, item.priority) for item in caller.api.admin.environments.list()] == expected
    stages["stage"].metric()
    assert len(stages["stage"].api.admin.metrics.list()) == 1
    for caller in (production, stages["dev-a"], stages["dev-b"]):
        assert caller.api.admin.metrics.list() == []
