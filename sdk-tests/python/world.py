"""What a test acts on: the client, a raw HTTP client beside it, and short ways to configure one's own little world.

Every World has a prefix that no other has, so tests can share a space. Must not start servers.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

import httpx
import pytest
from trophy import TrophyApi
from trophy.core.api_error import ApiError
from trophy.environment import TrophyApiEnvironment

import contract

Found = TypeVar("Found")

EVENTUALLY_S = 10


@dataclass
class Noon:
    """A zone in which it is between 12:00 and 13:00 now, so that no test can meet a midnight."""

    zone: str
    today: date

    @classmethod
    def now(cls) -> Noon:
        """Picks the zone by the clock of this machine."""
        now = datetime.now(UTC)
        offset = 12 - now.hour
        # The sign of these names is turned round: Etc/GMT+5 is five hours behind UTC.
        zone = f"Etc/GMT{-offset:+d}" if offset else "Etc/UTC"
        return cls(zone, (now + timedelta(hours=offset)).date())

    def day(self, distance: int) -> str:
        """The date so many days from today, as text."""
        return (self.today + timedelta(days=distance)).isoformat()


@dataclass
class World:
    """One caller of one server: a key, perhaps a tenant, and names of its own."""

    url: str
    key: str
    tenant: str | None = None
    prefix: str = field(default_factory=lambda: f"t{uuid.uuid4().hex[:12]}")
    last: httpx.Response | None = None

    def __post_init__(self) -> None:
        def keep(response: httpx.Response) -> None:
            response.read()
            self.last = response
            contract.check(response)

        headers = {"X-API-KEY": self.key} if self.key else {}
        if self.tenant is not None:
            headers["Tenant-ID"] = self.tenant
        hooks = {"response": [keep]}
        # No retries: a failure must be seen, and a repeated write would hide it.
        self.http = httpx.Client(event_hooks=hooks, timeout=30)
        self.raw = httpx.Client(base_url=self.url, headers=headers, event_hooks=hooks, timeout=30)
        self.api = TrophyApi(
            api_key=self.key,
            tenant_id=self.tenant,
            environment=TrophyApiEnvironment(api=f"{self.url}/v1", admin=f"{self.url}/admin/v1"),
            httpx_client=self.http,
            max_retries=0,
        )

    def close(self) -> None:
        """Ends both clients."""
        self.http.close()
        self.raw.close()

    def with_key(self, key: str) -> World:
        """The same names, acted on with another key."""
        return World(self.url, key, self.tenant, self.prefix)

    def name(self, noun: str) -> str:
        """A key or user id that only this world uses."""
        return f"{self.prefix}-{noun}"

    def body(self) -> Any:
        """The JSON of the last answer, for what the client's models cannot tell (absent or null)."""
        assert self.last is not None
        return self.last.json()

    def attribute(self, noun: str, kind: str = "user") -> Any:
        """A custom attribute of users or events."""
        return only(
            self.api.admin.attributes.create(request=[{"name": noun, "key": self.name(noun), "type": kind}])
        )

    def metric(self, noun: str = "metric", **members: Any) -> Any:
        """A metric."""
        return only(self.api.admin.metrics.create(request=[{"name": noun, "key": self.name(noun)} | members]))

    def achievement(self, trigger: str, status: str = "active", **members: Any) -> Any:
        """An achievement, active unless asked otherwise."""
        item = {"name": f"{trigger} achievement", "trigger": trigger, "status": status} | members
        return only(self.api.admin.achievements.create(request=[item]))

    def system(self, noun: str = "xp", **members: Any) -> Any:
        """A points system."""
        return only(self.api.admin.points.systems.create(request=[{"name": noun, "key": self.name(noun)} | members]))

    def trigger(self, system: Any, kind: str, points: int, status: str = "active", **members: Any) -> Any:
        """A points trigger, active unless asked otherwise."""
        item = {"type": kind, "points": points, "status": status} | members
        return only(self.api.admin.points.triggers.create(system.id, request=[item]))

    def paying(self, system: Any, noun: str, points: int, threshold: int = 1, **members: Any) -> Any:
        """A metric that pays `points` for every `threshold`."""
        metric = self.metric(noun)
        self.trigger(system, "metric", points, metricId=metric.id, metricThreshold=threshold, **members)
        return metric

    def board(self, noun: str = "board", **members: Any) -> Any:
        """A leaderboard, active and started ten days ago unless asked otherwise."""
        item = {"name": noun, "key": self.name(noun), "status": "active", "start": Noon.now().day(-10)} | members
        return only(self.api.admin.leaderboards.create(request=[item]))

    def event(self, metric: Any, user: str, value: float, attributes: dict[str, str] | None = None, **members: Any) -> Any:
        """Sends one event of `user`, a noun of this world; `members` are members of the user."""
        extra = {} if attributes is None else {"attributes": attributes}
        return self.api.metrics.event(metric.key, user={"id": self.name(user)} | members, value=value, **extra)

    def total(self, metric: Any, user: str) -> float:
        """The user's total of a metric."""
        return self.api.users.single_metric(self.name(user), metric.key).current

    def held(self, user: str) -> dict[str, Any]:
        """The achievements the user has completed, by id."""
        return {item.id: item for item in self.api.users.achievements(self.name(user)) if item.achieved_at}

    def ranking(self, board: Any, **query: Any) -> list[tuple[str, int, int]]:
        """The rows of a board as (user noun, rank, value)."""
        rows = self.api.leaderboards.get(board.key, **query).rankings
        return [(row.user_id.removeprefix(f"{self.prefix}-"), row.rank, row.value) for row in rows]


def only(answer: Any) -> Any:
    """The one thing that a batch create made, without issues."""
    assert not answer.issues, answer.issues
    assert len(answer.created) == 1, answer
    return answer.created[0]


def issue(answer: Any, *, severity: str = "error", **names: Any) -> str:
    """The message of the one issue of a batch answer that did nothing; `names` says which item it must name."""
    done = [
        getattr(answer, member) for member in ("created", "updated", "deleted") if hasattr(answer, member)
    ]
    assert done == [[]], answer
    assert len(answer.issues) == 1, answer
    found = answer.issues[0]
    assert found.severity == severity, found
    assert found.message
    for name, value in names.items():
        assert getattr(found, name) == value, found
    return found.message


def values(filters: Any) -> list[tuple[str, str]]:
    """Application filters as pairs."""
    return [(item.key, item.value) for item in filters]


@contextmanager
def refused(*statuses: int) -> Iterator[pytest.ExceptionInfo[ApiError]]:
    """The block must be refused with one of the statuses and a readable JSON error."""
    with pytest.raises(ApiError) as caught:
        yield caught
    assert caught.value.status_code in statuses, caught.value
    assert isinstance(caught.value.body, dict), caught.value
    assert caught.value.body["error"], caught.value


def eventually(look: Callable[[], Found | None]) -> Found:
    """Looks until there is something to see; for what a background job does."""
    deadline = time.monotonic() + EVENTUALLY_S
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"nothing after {EVENTUALLY_S} s"
        time.sleep(0.05)
