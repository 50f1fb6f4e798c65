"""The checkers are checked: what they must find, they find. Needs no server."""

from __future__ import annotations

import httpx
import pytest

import contract
import methods

USER = {
    "id": "ada",
    "email": None,
    "name": None,
    "tz": None,
    "deviceTokens": None,
    "signUpDate": None,
    "subscribeToEmails": True,
    "attributes": {},
    "control": False,
    "created": "2026-01-15T09:30:00.000Z",
    "updated": "2026-01-15T09:30:00.000Z",
}


def answer(method: str, path: str, status: int, body: object, **headers: str) -> httpx.Response:
    """An answer as the client would see it."""
    request = httpx.Request(method, f"http://kleos{path}")
    return httpx.Response(status, json=body, headers=headers, request=request)


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        ("GET", "/v1/users/ada", 200, USER),
        ("GET", "/api/users/ada", 200, USER),
        ("GET", "/v1/users/ada", 404, {"error": "no such user"}),
        ("GET", "/v1/nothing", 404, {"error": "no such path"}),
        ("POST", "/admin/v1/metrics/events", 202, {"accepted": 1}),
        ("POST", "/v1/users", 413, {"error": "too large"}),
        ("GET", "/healthz", 200, "anything"),
    ],
)
def test_what_passes(method: str, path: str, status: int, body: object) -> None:
    contract.check(answer(method, path, status, body))


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        ("GET", "/v1/users/ada", 200, {key: USER[key] for key in USER if key != "control"}),
        ("GET", "/v1/users/ada", 200, USER | {"control": None}),
        ("GET", "/v1/users/ada", 200, USER | {"signUpDate": "15.01.2026"}),
        ("GET", "/v1/users/ada", 200, USER | {"created": "2026-01-15T09:30:00Z"}),
        ("GET", "/v1/users/ada", 200, USER | {"created": "2026-01-15T09:30:00.000+00:00"}),
        ("GET", "/v1/users/ada", 201, USER),
        ("POST", "/v1/users", 200, USER),
        ("GET", "/v1/users/ada", 404, {"message": "no such user"}),
        ("GET", "/v1/users/ada", 422, {"error": {"code": 1}}),
        ("GET", "/v1/users/ada", 409, {"error": "conflict"}),
        ("GET", "/v1/users/ada", 500, {"error": "internal"}),
        ("GET", "/v1/users/ada", 503, {"error": "busy"}),
        ("DELETE", "/v1/users/ada", 405, {"error": "no Allow header"}),
        ("GET", "/v1/nothing", 200, {}),
        ("GET", "/admin/v1/metrics/00000000-0000-7000-8000-000000000000", 200, {"id": "x"}),
        ("GET", "/admin/v1/achievements", 200, [{"id": "x"}]),
    ],
)
def test_what_does_not_pass(method: str, path: str, status: int, body: object) -> None:
    with pytest.raises(contract.ContractError):
        contract.check(answer(method, path, status, body))


def test_text_does_not_pass() -> None:
    request = httpx.Request("GET", "http://kleos/v1/nothing")
    with pytest.raises(contract.ContractError):
        contract.check(httpx.Response(404, text="not found", request=request))


def test_the_client_has_no_method_that_the_account_overlooks() -> None:
    assert len(methods.PATHS) == len(set(methods.PATHS)) == 85
    assert {"users.get", "admin.points.boosts.create", "admin.environments.list"} <= set(methods.PATHS)
