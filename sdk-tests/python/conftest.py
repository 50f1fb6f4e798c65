"""The fixtures: servers on both stores, and worlds on them. And the account of a whole run: no method of the client was left out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import methods
from process import ADMIN_KEY, NotRunnable, Server
from world import Noon, World


STORES = ["sqlite", "postgres"]

# Of all processes of the run together: what was called, and whether a test was left out.
CALLED = pytest.StashKey[set[tuple[str, str]]]()
IN_PART = pytest.StashKey[bool]()


def pytest_configure(config: pytest.Config) -> None:
    """Begins the account."""
    methods.watch()
    config.stash[CALLED] = methods.called
    config.stash[IN_PART] = False


def pytest_deselected(items: list[pytest.Item]) -> None:
    """A run with `-k` is one in part."""
    items[0].config.stash[IN_PART] = True


def pytest_collection_finish(session: pytest.Session) -> None:
    """So is one of some files or tests only."""
    files = {item.path for item in session.items}
    is_narrowed = any("::" in word for word in session.config.args)
    if is_narrowed or not files.issuperset(Path(__file__).parent.glob("test_*.py")):
        session.config.stash[IN_PART] = True


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """A process of pytest-xdist hands in its account; one that broke down cannot."""
    account = getattr(node, "workeroutput", {})
    node.config.stash[CALLED].update(map(tuple, account.get("called", [])))
    node.config.stash[IN_PART] |= account.get("in_part", True)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In a whole run every method was called on every store; in a process of pytest-xdist, hands in its account."""
    config = session.config
    if hasattr(config, "workeroutput"):
        config.workeroutput["called"] = sorted(config.stash[CALLED])
        config.workeroutput["in_part"] = config.stash[IN_PART]
    elif not config.stash[IN_PART] and lacking(config) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Says how many methods were called and, of a whole run, which were not."""
    for kind in STORES:
        count = sum(1 for where, _ in config.stash[CALLED] if where == kind)
        terminalreporter.line(f"{count} of {len(methods.PATHS)} methods of the client called on {kind}")
    if not config.stash[IN_PART]:
        for kind, path in lacking(config):
            terminalreporter.line(f"FAILED never called on {kind}: {path}", red=True)


def lacking(config: pytest.Config) -> list[tuple[str, str]]:
    """What was not called, as (store, method)."""
    return [(kind, path) for kind in STORES for path in methods.PATHS if (kind, path) not in config.stash[CALLED]]


@pytest.fixture(autouse=True)
def noted(request: pytest.FixtureRequest) -> Iterator[None]:
    """Calls of the test count for its store."""
    methods.store = request.getfixturevalue("store") if "store" in request.fixturenames else None
    yield
    methods.store = None


@pytest.fixture(scope="session", params=STORES)
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
