"""`limit` and `skip` of every list of the Admin API (spec 1.12)."""

from __future__ import annotations

import pytest

from world import World, refused

COUNT = 12


def attributes(tenant: World):
    """The list of attributes and the ids of twelve of them."""
    items = [{"name": "N", "key": f"k{n}", "type": "user"} for n in range(COUNT)]
    return tenant.api.admin.attributes.list, tenant.api.admin.attributes.create(request=items)


def metrics(tenant: World):
    """The same for metrics."""
    items = [{"name": "N", "key": f"k{n}"} for n in range(COUNT)]
    return tenant.api.admin.metrics.list, tenant.api.admin.metrics.create(request=items)


def achievements(tenant: World):
    """The same for achievements."""
    items = [{"name": "N", "trigger": "api", "key": f"k{n}"} for n in range(COUNT)]
    return tenant.api.admin.achievements.list, tenant.api.admin.achievements.create(request=items)


def systems(tenant: World):
    """The same for points systems."""
    items = [{"name": "N", "key": f"k{n}"} for n in range(COUNT)]
    return tenant.api.admin.points.systems.list, tenant.api.admin.points.systems.create(request=items)


def levels(tenant: World):
    """The same for levels of a points system, created from the highest to the lowest."""
    admin, system = tenant.api.admin.points.levels, tenant.system()
    items = [{"name": "N", "key": f"k{n}", "points": 100 - n} for n in range(COUNT)]
    return lambda **page: admin.list(system.id, **page), admin.create(system.id, request=items)


def triggers(tenant: World):
    """The same for triggers of a points system."""
    admin, system = tenant.api.admin.points.triggers, tenant.system()
    items = [{"type": "user_creation", "points": n + 1} for n in range(COUNT)]
    return lambda **page: admin.list(system.id, **page), admin.create(system.id, request=items)


def leaderboards(tenant: World):
    """The same for leaderboards."""
    items = [{"name": "N", "key": f"k{n}", "rankBy": "streak"} for n in range(COUNT)]
    return tenant.api.admin.leaderboards.list, tenant.api.admin.leaderboards.create(request=items)


@pytest.mark.parametrize("kind", [attributes, metrics, achievements, systems, levels, triggers, leaderboards])
def test_pages(tenant: World, kind) -> None:
    listing, answer = kind(tenant)
    assert not answer.issues
    ids = [item.id for item in answer.created]
    assert len(ids) == COUNT

    def page(**query) -> list[str]:
        return [item.id for item in listing(**query)]

    assert page() == ids[:10]
    assert page(limit=100) == ids
    assert page(limit=3, skip=4) == ids[4:7]
    assert page(skip=10) == ids[10:]
    assert page(skip=COUNT) == []
    for wrong in ({"limit": 0}, {"limit": 101}, {"limit": -1}, {"skip": -1}):
        with refused(422):
            page(**wrong)


def test_pages_that_are_no_numbers(tenant: World) -> None:
    for query in ("limit=ten", "skip=1.5", "limit=", "skip=99999999999999999999"):
        assert tenant.raw.get(f"/admin/v1/metrics?{query}").status_code == 422, query


def test_pages_of_tenants(operator: World) -> None:
    admin = operator.api.admin.tenants
    assert not admin.create(request=[{"customerId": operator.name(str(n)), "name": "N"} for n in range(3)]).issues
    assert len(admin.list(limit=2)) == 2
    for wrong in ({"limit": 0}, {"limit": 101}, {"skip": -1}):
        with refused(422):
            admin.list(**wrong)
