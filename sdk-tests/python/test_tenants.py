"""Tenants: their Admin API and the header that names them (spec 1.6, 13.12)."""

from __future__ import annotations

from datetime import timedelta

from trophy import CreateTenantRequestItem, UpdateTenantRequestItem

from process import ADMIN_KEY
from world import World, eventually, issue, refused


def test_create_get_list_update_delete(operator: World) -> None:
    admin = operator.api.admin.tenants
    first, second = operator.name("first"), operator.name("second")
    answer = admin.create(
        request=[
            CreateTenantRequestItem(customer_id=first, name="First"),
            CreateTenantRequestItem(customer_id=second, name="Second"),
        ]
    )
    assert operator.last.status_code == 201
    assert not answer.issues
    made = answer.created[0]
    assert (made.customer_id, made.name, made.status) == (first, "First", "active")
    assert made.updated - made.created < timedelta(minutes=1)
    assert admin.get(made.id) == made
    changed = admin.update(request=[UpdateTenantRequestItem(id=made.id, name="1st")]).updated[0]
    assert (changed.name, changed.customer_id) == ("1st", first)
    renamed = operator.name("renamed")
    assert admin.update(request=[{"id": made.id, "customerId": renamed}]).updated[0].customer_id == renamed
    issue(admin.update(request=[{"id": made.id}]), id=made.id)
    issue(admin.update(request=[{"id": made.id, "customerId": second}]), id=made.id)
    listed = [item.customer_id for skip in range(0, 1000, 100) for item in admin.list(limit=100, skip=skip)]
    assert listed.index(renamed) < listed.index(second)
    assert [item.id for item in admin.delete(ids=[made.id]).deleted] == [made.id]
    with refused(404):
        admin.get("00000000-0000-7000-8000-000000000000")


def test_customer_ids_are_unique(operator: World) -> None:
    admin, customer = operator.api.admin.tenants, operator.name("taken")
    answer = admin.create(request=[{"customerId": customer, "name": "A"}, {"customerId": customer, "name": "B"}])
    assert [item.name for item in answer.created] == ["A"]
    assert [item.index for item in answer.issues] == [1]
    assert customer in answer.issues[0].message
    for item in ({"customerId": "x" * 256, "name": "N"}, {"customerId": operator.name("n"), "name": "x" * 256}):
        issue(admin.create(request=[item]), index=0)


def test_tenants_do_not_see_each_other(operator: World) -> None:
    worlds = []
    for noun in ("one", "two"):
        customer = operator.name(noun)
        assert not operator.api.admin.tenants.create(request=[{"customerId": customer, "name": noun}]).issues
        worlds.append(World(operator.url, ADMIN_KEY, customer, operator.prefix))
    one, two = worlds
    metric = one.metric()
    one.achievement("metric", metricId=metric.id, metricValue=1)
    one.event(metric, "ada", 5)
    with refused(404):
        two.api.users.get(one.name("ada"))
    with refused(404):
        two.api.admin.metrics.get(metric.id)
    with refused(404):
        two.event(metric, "ada", 1)
    assert two.api.admin.metrics.list() == two.api.achievements.all_() == []
    issue(two.api.admin.metrics.update(request=[{"id": metric.id, "name": "Stolen"}]), id=metric.id)
    issue(two.api.admin.metrics.delete(ids=[metric.id]), id=metric.id)
    same = two.metric()
    assert same.key == metric.key, "keys are unique within a tenant"
    assert two.event(same, "ada", 1).total == 1
    assert one.total(metric, "ada") == 5
    for world in worlds:
        world.close()


def test_missing_unknown_and_archived_tenants(operator: World, tenant: World) -> None:
    metric = tenant.metric()
    for customer in (None, "", operator.name("nobody")):
        world = World(operator.url, ADMIN_KEY, customer, operator.prefix)
        with refused(422):
            world.event(metric, "ada", 1)
        with refused(422):
            world.api.admin.metrics.list()
        world.close()
    rows = [row for skip in range(0, 1000, 100) for row in operator.api.admin.tenants.list(limit=100, skip=skip)]
    found = next(row for row in rows if row.customer_id == tenant.tenant)
    operator.api.admin.tenants.delete(ids=[found.id])
    with refused(422):
        tenant.event(metric, "ada", 1)


def test_the_header_is_ignored_where_it_does_not_belong(operator: World) -> None:
    world = World(operator.url, ADMIN_KEY, operator.name("nobody"), operator.prefix)
    assert world.api.admin.tenants.list(limit=1) is not None
    assert world.api.admin.application_api_keys.create(request=[{"userId": world.name("ada")}]).created
    world.close()


def test_without_multi_tenancy(world: World) -> None:
    with refused(422) as caught:
        world.api.admin.tenants.list()
    assert "multi" in caught.value.body["error"].lower(), "says how to switch it on"
    with refused(422):
        world.api.admin.tenants.create(request=[{"customerId": "c", "name": "N"}])
    metric = world.metric()
    other = World(world.url, ADMIN_KEY, "anything", world.prefix)
    assert other.event(metric, "ada", 1).total == 1, "the header is ignored"
    assert world.total(metric, "ada") == 1
    other.close()


def test_a_key_of_the_application_works_in_the_tenant_of_the_header(tenant: World, operator: World) -> None:
    metric = tenant.metric()
    key = tenant.api.admin.application_api_keys.create(request=[{"userId": tenant.name("ada")}]).created[0].key
    user = tenant.with_key(key)
    assert user.event(metric, "ada", 2).total == 2
    with refused(422):
        World(operator.url, key, None, operator.prefix).event(metric, "ada", 2)
    assert eventually(lambda: tenant.total(metric, "ada")) == 2
