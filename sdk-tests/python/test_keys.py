"""Admin keys and application keys: who may do what (spec 1.5, 13.14, AMB-1, AMB-2)."""

from __future__ import annotations

import pytest
from trophy import CreateApplicationKeyRequestItem, UnauthorizedError

import contract
from process import ADMIN_KEY
from world import World, issue, refused


def filled(template: str) -> str:
    """A path of the template, with values that are well-formed and name nothing."""
    for name in ("systemId", "id", "key"):
        template = template.replace(f"{{{name}}}", "00000000-0000-7000-8000-000000000000")
    return template


@pytest.mark.parametrize(
    "key",
    [
        None,
        "",
        "nonsense",
        ".",
        "testkey1",
        "testkey1.",
        ".0123456789abcdef0123456789abcdef",
        ADMIN_KEY + "0",
        ADMIN_KEY[:-1],
        "testkey2." + ADMIN_KEY.partition(".")[2],
        ADMIN_KEY.upper(),
        "app_12345.0123456789abcdef",
    ],
)
def test_every_operation_refuses_a_key_that_is_none(world: World, key: str | None) -> None:
    headers = {"X-API-KEY": key} if key is not None else {}
    stranger = World(world.url, "", None, world.prefix)
    try:
        for operation in contract.OPERATIONS:
            body = {} if operation.method in ("post", "put", "patch") else None
            path = operation.prefix + filled(operation.template)
            answer = stranger.raw.request(operation.method.upper(), path, headers=headers, json=body)
            assert answer.status_code == 401, str(operation)
    finally:
        stranger.close()


def test_the_client_sees_an_unauthorized_error(world: World) -> None:
    stranger = world.with_key("testkey1.wrong-wrong-wrong-wrong")
    with pytest.raises(UnauthorizedError):
        stranger.api.users.get("anyone")
    with pytest.raises(UnauthorizedError):
        stranger.api.admin.metrics.list()
    stranger.close()


@pytest.fixture
def ada(world: World):
    """A caller with an application key of ada."""
    made = world.api.admin.application_api_keys.create(
        request=[CreateApplicationKeyRequestItem(user_id=world.name("ada"))]
    ).created[0]
    assert made.user_id == world.name("ada")
    assert made.prefix.startswith("app_")
    assert made.key.startswith(f"{made.prefix}.")
    assert len(made.key) > len(made.prefix) + 16
    caller = world.with_key(made.key)
    caller.key_id = made.id
    yield caller
    caller.close()


def test_own_data(world: World, ada: World) -> None:
    metric = world.metric()
    api = world.achievement("api", key=world.name("api"))
    assert ada.event(metric, "ada", 3).total == 3, "a key may be older than its user"
    assert ada.api.users.get(ada.name("ada")).id == ada.name("ada")
    assert ada.api.users.update(ada.name("ada"), name="Ada").name == "Ada"
    assert ada.api.users.create(id=ada.name("ada"), name="A").name == "A"
    assert ada.api.users.single_metric(ada.name("ada"), metric.key).current == 3
    assert ada.api.achievements.complete(api.key, user={"id": ada.name("ada")}).achievement.id == api.id
    assert [item.user_id for item in ada.api.streaks.list(user_ids=[ada.name("ada")])] == [ada.name("ada")]


def test_data_of_others(world: World, ada: World) -> None:
    metric, system = world.metric(), world.system()
    api = world.achievement("api", key=world.name("api"))
    board = world.board(rankBy="metric", metricId=metric.id)
    world.event(metric, "bob", 3)
    bob = world.name("bob")
    calls = [
        lambda: ada.api.users.get(bob),
        lambda: ada.api.users.get(world.name("nobody")),
        lambda: ada.api.users.update(bob, name="X"),
        lambda: ada.api.users.identify(bob, name="X"),
        lambda: ada.api.users.create(id=bob, name="X"),
        lambda: ada.api.users.all_metrics(bob),
        lambda: ada.api.users.single_metric(bob, metric.key),
        lambda: ada.api.users.achievements(bob),
        lambda: ada.api.users.streak(bob),
        lambda: ada.api.users.points(bob, system.key),
        lambda: ada.api.users.leaderboard(bob, board.key),
        lambda: ada.event(metric, "bob", 5),
        lambda: ada.api.achievements.complete(api.key, user={"id": bob}),
        lambda: ada.api.streaks.list(user_ids=[bob]),
        lambda: ada.api.streaks.list(user_ids=[world.name("ada"), bob]),
    ]
    for call in calls:
        with refused(403):
            call()
    assert world.total(metric, "bob") == 3
    assert world.api.users.get(bob).name is None
    assert world.held("bob") == {}


def test_what_is_everybodys(world: World, ada: World) -> None:
    system, metric = world.system(), world.metric()
    board = world.board(rankBy="metric", metricId=metric.id)
    world.api.admin.points.levels.create(system.id, request=[{"name": "L", "key": "l", "points": 0}])
    assert ada.api.achievements.all_() is not None
    assert ada.api.points.system(system.key).id == system.id
    assert [level.key for level in ada.api.points.levels(system.key)] == ["l"]
    assert [item.level.key for item in ada.api.points.level_summary(system.key)] == ["l"]
    assert board.key in {item.key for item in ada.api.leaderboards.all_()}
    assert ada.api.leaderboards.get(board.key).id == board.id


def test_the_admin_api_is_closed_to_application_keys(ada: World) -> None:
    for operation in contract.OPERATIONS:
        if operation.api == "admin":
            body = [] if operation.method in ("post", "patch") else None
            path = operation.prefix + filled(operation.template)
            answer = ada.raw.request(operation.method.upper(), path, json=body)
            expected = 403 if operation.template == "/application-api-keys" else 401
            assert answer.status_code == expected, str(operation)


def test_delete_works_at_once(world: World, ada: World) -> None:
    admin = world.api.admin.application_api_keys
    ada.api.users.create(id=world.name("ada"))
    assert [item.id for item in admin.delete(ids=[ada.key_id]).deleted] == [ada.key_id]
    with refused(401):
        ada.api.users.get(world.name("ada"))
    issue(admin.delete(ids=[ada.key_id]), id=ada.key_id)


def test_many_keys(world: World) -> None:
    admin = world.api.admin.application_api_keys
    answer = admin.create(request=[{"userId": world.name("ada")}, {"userId": world.name("ada")}])
    assert len({item.key for item in answer.created}) == 2
    assert len(admin.create(request=[{"userId": world.name(f"u{n}")} for n in range(100)]).created) == 100
    with refused(422):
        admin.create(request=[{"userId": world.name(f"u{n}")} for n in range(101)])
    issue(admin.create(request=[{"userId": "x" * 256}]), index=0)
    with refused(422):
        admin.delete()
