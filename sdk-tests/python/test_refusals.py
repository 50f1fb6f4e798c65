"""Whatever a client sends, the answer is a JSON error with the right status, and nothing changes (spec 1.4, 1.9, 1.10)."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from world import World

JSON = {"content-type": "application/json"}


@pytest.fixture
def metric(world: World):
    """A metric in which ada stands at 7, before and after."""
    metric = world.metric()
    world.event(metric, "ada", 7, name="Ada")
    yield metric
    assert world.total(metric, "ada") == 7
    assert world.api.users.get(world.name("ada")).name == "Ada"


def post(world: World, metric, body: str | bytes) -> int:
    """Sends these bytes as an event; the status."""
    content = body.encode() if isinstance(body, str) else body
    return world.raw.post(f"/v1/metrics/{metric.key}/event", content=content, headers=JSON).status_code


def event(world: World, value: str = "1", rest: str = "") -> str:
    """The text of an event of ada, which renames her, with this value."""
    return f'{{"user": {{"id": "{world.name("ada")}", "name": "Eve"}}, "value": {value}{rest}}}'


@pytest.mark.parametrize("text", ["", "{", "nonsense", "{'a': 1}", "[1,]", "\x00", '{"user": ', "\ufeff{}"])
def test_invalid_json(world: World, metric, text: str) -> None:
    assert post(world, metric, text) == 400


def test_trailing_text(world: World, metric) -> None:
    assert post(world, metric, event(world) + "x") == 400


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1.", ".5", "0x1", "01", "+1", "1_000"])
def test_literals_that_are_no_json(world: World, metric, value: str) -> None:
    assert post(world, metric, event(world, value)) == 400


@pytest.mark.parametrize("value", ["1e400", "-1e400", "1e16", "9000000000001", "1" * 400])
def test_numbers_out_of_range(world: World, metric, value: str) -> None:
    assert post(world, metric, event(world, value)) in (400, 422)


@pytest.mark.parametrize("value", ["null", '"1"', "true", "[]", "{}", '{"$numberDecimal": "1"}'])
def test_values_of_the_wrong_type(world: World, metric, value: str) -> None:
    assert post(world, metric, event(world, value)) == 400


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        5,
        "text",
        {},
        {"value": 1},
        {"user": None, "value": 1},
        {"user": "ada", "value": 1},
        {"user": {}, "value": 1},
        {"user": {"id": 5}, "value": 1},
        {"user": {"id": None}, "value": 1},
    ],
)
def test_bodies_of_the_wrong_shape(world: World, metric, body) -> None:
    assert post(world, metric, json.dumps(body)) == 400


@pytest.mark.parametrize(
    "members",
    [
        {"name": 5},
        {"email": []},
        {"tz": 1},
        {"deviceTokens": "a"},
        {"deviceTokens": [1]},
        {"subscribeToEmails": "yes"},
        {"attributes": []},
        {"attributes": {"a": 1}},
        {"signUpDate": 20250101},
    ],
)
def test_user_members_of_the_wrong_type(world: World, metric, members: dict) -> None:
    user = {"id": world.name("ada")} | members
    assert post(world, metric, json.dumps({"user": user, "value": 1})) in (400, 422)
    for answer in (
        world.raw.post("/v1/users", json=user),
        world.raw.put(f"/v1/users/{world.name('ada')}", json=members),
        world.raw.patch(f"/v1/users/{world.name('ada')}", json=members),
    ):
        assert answer.status_code in (400, 422)


@pytest.mark.parametrize("depth", [1_000, 100_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_deep_json(world: World, metric, depth: int, opening: str, closing: str) -> None:
    deep = opening * depth + "1" * (opening != "[") + closing * depth
    assert post(world, metric, deep) in (400, 413, 422)
    assert post(world, metric, event(world, deep)) in (400, 413, 422)
    answer = world.raw.post("/admin/v1/metrics", content=f"[{deep}]", headers=JSON)
    assert answer.status_code in (200, 413, 422)


@pytest.mark.parametrize("path", ["/v1/users", "/admin/v1/metrics", "/v1/metrics/anything/event"])
def test_bodies_of_ten_megabytes(world: World, metric, path: str) -> None:
    huge = json.dumps({"id": world.name("huge"), "name": "x" * 10_000_000}).encode()
    assert world.raw.post(path, content=huge, headers=JSON).status_code == 413

    def pieces():
        for start in range(0, len(huge), 65_536):
            yield huge[start : start + 65_536]

    assert world.raw.post(path, content=pieces(), headers=JSON).status_code == 413, "also without a content-length"


@pytest.mark.parametrize("bytes_", [b"\xff\xfe", b"\xc3\x28", b"\xed\xa0\x80", b"\xf0\x9f"])
def test_invalid_utf_8(world: World, metric, bytes_: bytes) -> None:
    assert post(world, metric, event(world).encode().replace(b"Eve", b"E" + bytes_)) == 400
    path = f"/v1/users/%{bytes_[0]:02X}%{bytes_[1]:02X}"
    assert world.raw.get(path).status_code in (400, 404, 422)
    assert world.raw.get(f"/v1/streaks?userIds=%{bytes_[0]:02X}%{bytes_[1]:02X}").status_code in (200, 422)


@pytest.mark.parametrize("text", [r"\u0000", r"\ud800", r"a\u0000b"])
def test_text_that_no_store_can_keep(world: World, metric, text: str) -> None:
    assert post(world, metric, event(world).replace("Eve", text)) in (400, 422)
    assert world.raw.get(f"/v1/users/{world.prefix}%00").status_code in (400, 404, 422)


@pytest.mark.parametrize("path", ["/v1", "/v1/nothing", "/v1/users/a/b/c/d", "/admin/v1/nothing", "/v1/metrics"])
def test_unknown_paths(world: World, path: str) -> None:
    answer = world.raw.get(path)
    assert answer.status_code == 404
    assert list(answer.json()) == ["error"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/v1/metrics/k/event", {"POST"}),
        ("GET", "/v1/metrics/k/event", {"POST"}),
        ("DELETE", "/v1/users/someone", {"GET", "PUT", "PATCH"}),
        ("GET", "/v1/users", {"POST"}),
        ("POST", "/v1/leaderboards/k", {"GET"}),
        ("PUT", "/admin/v1/metrics", {"GET", "POST", "PATCH", "DELETE"}),
        ("POST", "/admin/v1/metrics/00000000-0000-7000-8000-000000000000", {"GET"}),
        ("GET", "/admin/v1/metrics/events", {"POST"}),
    ],
)
def test_wrong_methods(world: World, method: str, path: str, allowed: set[str]) -> None:
    answer = world.raw.request(method, path, json={} if method in ("PUT", "POST") else None)
    assert answer.status_code == 405
    named = {name.strip() for name in answer.headers["allow"].split(",")}
    assert allowed <= named <= allowed | {"HEAD", "OPTIONS"}
    assert list(answer.json()) == ["error"]


@pytest.mark.parametrize("text", ["[", "[nonsense]", '[{"name": NaN}]', ""])
def test_admin_bodies_that_are_no_json(world: World, text: str) -> None:
    for method in ("POST", "PATCH"):
        assert world.raw.request(method, "/admin/v1/metrics", content=text, headers=JSON).status_code == 422


@pytest.mark.parametrize("text", ["", "{", "[]"])
def test_completion_bodies_that_are_wrong(world: World, text: str) -> None:
    achievement = world.achievement("api", key=world.name("api"))
    path = f"/v1/achievements/{achievement.key}/complete"
    assert world.raw.post(path, content=text, headers=JSON).status_code == 422


@pytest.mark.parametrize("length", [0, 3_000, 100_000])
def test_odd_idempotency_keys(world: World, metric, length: int) -> None:
    """An empty key may count as none; one of any length is stored or refused, never an accident."""
    # Text that does not compress: an index that squeezes its entries would take a long row of one letter.
    key = "".join(hashlib.sha256(str(n).encode()).hexdigest() for n in range(length // 64 + 1))[:length]
    path = f"/v1/metrics/{metric.key}/event"
    body = {"user": {"id": world.name("other")}, "value": 1}
    answer = world.raw.post(path, json=body, headers={"Idempotency-Key": key})
    assert answer.status_code in (201, 400, 422)


def test_sql_is_only_text(world: World, metric) -> None:
    text = "'; drop table user; -- $1 {in $1} {lock}"
    assert world.event(metric, text, 1, name=text).total == 1
    assert world.total(metric, text) == 1


def test_refusals_beside_good_events(world: World, metric) -> None:
    """A refused command must not spoil the others of its batch."""

    def send(count: int) -> int:
        value = "1" if count % 2 else '"bad"'
        body = f'{{"user": {{"id": "{world.name("busy")}"}}, "value": {value}}}'
        return post(world, metric, body)

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(send, range(40)))
    assert statuses == [400, 201] * 20
    assert world.total(metric, "busy") == 20
