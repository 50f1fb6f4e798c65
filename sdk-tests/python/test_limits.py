"""Rate limits as the client meets them (spec 1.7, 1.8, AMB-7)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from trophy import TrophyApi
from trophy.core.api_error import ApiError
from trophy.environment import TrophyApiEnvironment

from conftest import served
from process import ADMIN_KEY, Server
from world import World


@pytest.fixture(scope="module")
def limited(store: str) -> Iterator[Server]:
    """A server that lets every operation of the first tier be called once a second."""
    yield from served(store, multi_tenancy=False, flags=("--rate-limits", "on", "--rate-limit-tier1", "1"))


@pytest.fixture
def caller(limited: Server) -> Iterator[World]:
    """A caller whose client does not repeat anything."""
    world = World(limited.url, ADMIN_KEY)
    yield world
    world.close()


def test_the_client_repeats_a_refused_call_and_gets_through(caller: World, limited: Server) -> None:
    patient = TrophyApi(
        api_key=ADMIN_KEY,
        environment=TrophyApiEnvironment(api=f"{limited.url}/v1", admin=f"{limited.url}/admin/v1"),
        httpx_client=caller.http,
        max_retries=2,
    )
    seen: list[int] = []
    caller.http.event_hooks["response"].append(lambda response: seen.append(response.status_code))
    for _ in range(2):
        assert patient.admin.achievements.list() == []
    # The second call came too early; it was repeated after the second that the answer named.
    assert seen[0] == 200 and seen[-1] == 200
    assert 429 in seen


def test_a_client_that_does_not_repeat_sees_the_status_and_the_headers(caller: World) -> None:
    with pytest.raises(ApiError) as refused:
        for _ in range(5):
            caller.api.admin.metrics.list()
    assert refused.value.status_code == 429
    assert isinstance(refused.value.body["error"], str)
    assert caller.last is not None
    headers = caller.last.headers
    assert (headers["retry-after"], headers["x-ratelimit-limit"]) == ("1", "1")
    assert headers["x-ratelimit-remaining"] == "0"
    assert int(headers["x-ratelimit-reset"]) > 1_700_000_000
