"""The fixtures: servers on both stores, and worlds on them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import methods  # noqa: F401  (from here on calls are noted)
from process import ADMIN_KEY, NotRunnable, Server
from world import Noon, World


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What all tests together have called can be judged after the last of them only."""
    last = [item for item in items if item.path.name == "test_every_method.py"]
    others = [item for item in items if item not in last]
    is_all = {item.path for item in items} == set(Path(__file__).parent.glob("test_*.py"))
    is_filtered = config.option.keyword or config.option.markexpr or any("::" in arg for arg in config.args)
    if not is_all or is_filtered:
        config.hook.pytest_deselected(items=last)
        last = []
    items[:] = others + last


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest) -> str:
    """The store the server keeps its data in; every test runs on both."""
    return request.param


def served(store: str, *, multi_tenancy: bool, flags: tuple[str, ...] = ()) -> Iterator[Server]:
    """A server for as long as the fixture lives. What is missing to run one fails the test: nothing is skipped."""
    try:
        server = Server(store, multi_tenancy=multi_tenancy, flags=flags)
    except NotRunnable as missing:
        pytest.fail(str(missing), pytrace=False)
    yield server
    server.close()


@pytest.fixture(scope="session")
def single(store: str) -> Iterator[Server]:
    """The server as it is at first: no tenants, one space."""
    yield from served(store, multi_tenancy=False)


@pytest.fixture(scope="session")
def multi(store: str) -> Iterator[Server]:
    """The server with multi-tenancy switched on at first start."""
    yield from served(store, multi_tenancy=True)


@pytest.fixture
def world(single: Server) -> Iterator[World]:
    """A caller in the space all tests share, with names of its own. For what only concerns own metrics and users."""
    world = World(single.url, ADMIN_KEY)
    yield world
    world.close()


@pytest.fixture
def operator(multi: Server) -> Iterator[World]:
    """A caller of the multi-tenant server who names no tenant."""
    world = World(multi.url, ADMIN_KEY)
    yield world
    world.close()


@pytest.fixture
def tenant(operator: World) -> Iterator[World]:
    """A caller in a new tenant: nobody else is in this space. For settings, totals over all users, whole lists."""
    customer = operator.name("customer")
    answer = operator.api.admin.tenants.create(request=[{"customerId": customer, "name": "A tenant"}])
    assert not answer.issues, answer
    world = World(operator.url, ADMIN_KEY, customer, operator.prefix)
    yield world
    world.close()


@pytest.fixture
def noon() -> Noon:
    """A zone in which it is noon, and the date there."""
    return Noon.now()
