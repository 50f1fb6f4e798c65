"""Metrics: the Admin API (spec 13.5) and a user's totals (spec 3.6)."""

from __future__ import annotations

from trophy import CreateMetricRequestItem, UpdateMetricRequestItem

from world import World, issue, refused


def test_create_get_update(world: World) -> None:
    admin = world.api.admin.metrics
    answer = admin.create(
        request=[
            CreateMetricRequestItem(name="Words", key=world.name("words")),
            CreateMetricRequestItem(name="Spent", key=world.name("spent"), unit_type="currency", units="USD"),
            CreateMetricRequestItem(name="Run", key=world.name("run"), unit_type="number", units="km"),
        ]
    )
    assert [(item.name, item.unit_type, item.units) for item in answer.created] == [
        ("Words", "number", ""),
        ("Spent", "currency", "USD"),
        ("Run", "number", "km"),
    ]
    words = answer.created[0]
    assert admin.get(words.id) == words
    updated = admin.update(request=[UpdateMetricRequestItem(id=words.id, name="W", units="words")]).updated[0]
    assert (updated.name, updated.key, updated.units) == ("W", words.key, "words")
    assert admin.get(words.id) == updated


def test_update_checks_units_against_the_resulting_type(world: World) -> None:
    admin = world.api.admin.metrics
    metric = world.metric("money", units="things")
    issue(admin.update(request=[{"id": metric.id, "unitType": "currency"}]), id=metric.id)
    issue(admin.update(request=[{"id": metric.id, "unitType": "currency", "units": "XXX"}]), id=metric.id)
    changed = admin.update(request=[{"id": metric.id, "unitType": "currency", "units": "EUR"}]).updated[0]
    assert (changed.unit_type, changed.units) == ("currency", "EUR")
    back = admin.update(request=[{"id": metric.id, "unitType": "number", "units": "dollars"}]).updated[0]
    assert (back.unit_type, back.units) == ("number", "dollars")


def test_the_key_never_changes_and_an_empty_update_is_a_no_op(world: World) -> None:
    admin = world.api.admin.metrics
    metric = world.metric()
    admin.update(request=[{"id": metric.id, "key": world.name("other")}])
    assert admin.get(metric.id).key == metric.key
    assert admin.update(request=[{"id": metric.id}]).updated == [metric]


def test_delete_archives(world: World) -> None:
    admin = world.api.admin.metrics
    metric = world.metric("doomed")
    world.event(metric, "ada", 3)
    assert [item.id for item in admin.delete(ids=[metric.id]).deleted] == [metric.id]
    with refused(404):
        admin.get(metric.id)
    with refused(404):
        world.event(metric, "ada", 1)
    with refused(404):
        world.total(metric, "ada")
    reborn = world.metric("doomed")
    assert world.total(reborn, "ada") == 0, "the key is free again, the history is not"


def test_all_metrics_lists_untouched_ones_too(tenant: World) -> None:
    metrics = [tenant.metric(noun) for noun in ("one", "two", "three")]
    tenant.event(metrics[1], "ada", 2.5)
    entries = tenant.api.users.all_metrics(tenant.name("ada"))
    assert [(entry.id, entry.key, entry.name, entry.current) for entry in entries] == [
        (metric.id, metric.key, metric.name, current) for metric, current in zip(metrics, (0, 2.5, 0), strict=True)
    ]
    assert all(entry.achievements == [] for entry in entries)


def test_single_metric_lists_its_achievements_by_threshold(world: World) -> None:
    metric = world.metric()
    high = world.achievement("metric", metricId=metric.id, metricValue=100)
    low = world.achievement("metric", metricId=metric.id, metricValue=10)
    world.achievement("metric", status="inactive", metricId=metric.id, metricValue=5)
    world.event(metric, "ada", 42)
    entry = world.api.users.single_metric(world.name("ada"), metric.key)
    assert entry.current == 42
    assert [(item.id, item.achieved_at is not None) for item in entry.achievements] == [(low.id, True), (high.id, False)]
    assert [item.event_attributes for item in entry.achievements] == [[], []]


def test_unknown_user_or_metric(world: World) -> None:
    metric = world.metric()
    world.event(metric, "ada", 1)
    with refused(404):
        world.api.users.single_metric(world.name("nobody"), metric.key)
    with refused(404):
        world.api.users.single_metric(world.name("ada"), world.name("nothing"))
    with refused(404):
        world.api.users.all_metrics(world.name("nobody"))
