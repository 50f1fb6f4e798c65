"""Whether the server keeps to its own OpenAPI, whatever it is sent: schemathesis against both APIs of the Trophy dialect.

No answer may be a server error, have a status, a content type, headers or a shape that the description does not list, or offer a
method that is not described. The seed is fixed. `SCHEMATHESIS_EXAMPLES` is the number of examples per operation (a short run by
default; `cargo xtask schemathesis` asks for 200), `SCHEMATHESIS_STORES` the stores.

That invalid data are refused is not asked of schemathesis: the Admin API answers them per item inside a 200 (spec 13.2), and the
tests in Rust pin each refusal.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "python"))

from process import ADMIN_KEY, NotRunnable, Server  # noqa: E402

EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "4"))
STORES = os.environ.get("SCHEMATHESIS_STORES", "sqlite").split(",")
SEED = 20260310
USERS = ["ada", "bob", "eve"]
CUSTOMER = "acme"
HOOKS = Path(__file__).with_name("hooks.py")
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
]


class Space:
    """A space in which every operation finds something, and the names of it. It belongs to a tenant, so that those are found too."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.client = httpx.Client(base_url=url, headers={"X-API-KEY": ADMIN_KEY, "Tenant-ID": CUSTOMER}, timeout=30)
        self.tenant = self.create("tenants", {"customerId": CUSTOMER, "name": "Acme"})
        metric = self.create("metrics", {"name": "Words", "key": "words"})
        city = self.create("attributes", {"name": "City", "key": "city", "type": "user"})
        self.attributes = [city, self.create("attributes", {"name": "Kind", "key": "kind", "type": "event"})]
        self.metric = metric
        self.system = self.create(
            "points",
            {
                "name": "XP",
                "key": "xp",
                "levels": [{"name": "Bronze", "key": "bronze", "points": 0}],
                "triggers": [
                    {"type": "metric", "status": "active", "points": 10, "metricId": metric, "metricThreshold": 5}
                ],
            },
        )
        self.level = self.first(f"points/{self.system}/levels")
        self.trigger = self.first(f"points/{self.system}/triggers")
        boost = {"name": "Twice", "start": "2026-01-01", "multiplier": 2}
        self.boost = self.create(f"points/{self.system}/boosts", boost)
        board = {"name": "All", "key": "all", "rankBy": "metric", "metricId": metric, "status": "active"}
        by_city = {**board, "name": "Cities", "key": "cities", "breakdownAttributes": [city]}
        self.boards = [self.create("leaderboards", one) for one in (board, by_city)]
        self.achievement = self.create("achievements", {"name": "Bio", "trigger": "api", "status": "active", "key": "bio"})
        # Nothing listens there.
        webhook = {"name": "Hook", "url": "http://127.0.0.1:9/hook", "events": ["streak.lost"]}
        self.webhook = self.create("webhooks", webhook)
        self.client.post(f"/admin/v1/webhooks/{self.webhook}/test", json={"type": "streak.lost"}).raise_for_status()
        self.delivery = self.first(f"webhooks/{self.webhook}/deliveries")
        settings = {
            "metrics": [{"key": "words", "threshold": 1}],
            "freezes": {"startCount": 1, "maxCount": 5},
            "customizationEnabled": True,
        }
        self.client.patch("/admin/v1/streaks/settings", json=settings).raise_for_status()
        for user, value in zip(USERS, [12, 7.5, 1], strict=True):
            body = {"user": {"id": user, "attributes": {"city": "Rome"}}, "value": value, "attributes": {"kind": "a"}}
            self.client.post("/v1/metrics/words/event", json=body).raise_for_status()

    def create(self, path: str, item: dict[str, object]) -> str:
        """Creates one thing of the Admin API; answers its id."""
        answer = self.client.post(f"/admin/v1/{path}", json=[item])
        assert answer.status_code == 201, answer.text
        return str(answer.json()["created"][0]["id"])

    def first(self, path: str) -> str:
        """The id of the first thing of a list of the Admin API."""
        return str(self.client.get(f"/admin/v1/{path}").json()[0]["id"])

    def close(self) -> None:
        """Ends the connections."""
        self.client.close()

    def names(self, api: str) -> dict[str, list[str]]:
        """The names of the space, by the segment of a path that they follow."""
        if api == "application":
            return {
                "users": USERS,
                "metrics": ["words"],
                "points": ["xp"],
                "leaderboards": ["all", "cities"],
                "achievements": ["bio"],
                "attributeValues": ["city:Rome"],
            }
        return {
            "users": USERS,
            "attributes": self.attributes,
            "metrics": [self.metric],
            "events": ["words"],
            "points": [self.system],
            "levels": [self.level],
            "triggers": [self.trigger],
            "boosts": [self.boost],
            "leaderboards": self.boards,
            "achievements": [self.achievement],
            "webhooks": [self.webhook],
            "deliveries": [self.delivery],
            "tenants": [self.tenant],
        }


@pytest.fixture(scope="module", params=STORES)
def space(request: pytest.FixtureRequest) -> Iterator[Space]:
    """A server with such a space."""
    try:
        server = Server(request.param, multi_tenancy=True, flags=("--webhook-allow", "127.0.0.0/8"))
    except NotRunnable as missing:
        pytest.fail(str(missing), pytrace=False)
    space = Space(server.url)
    yield space
    space.close()
    server.close()


@pytest.mark.parametrize(("api", "prefix"), [("application", "/v1"), ("admin", "/admin/v1")])
def test_nothing_leaves_the_description(space: Space, api: str, prefix: str, tmp_path: Path) -> None:
    """Positive and negative data, and sequences of calls that pass names on."""
    command = [
        str(Path(sys.executable).parent / "schemathesis"),
        "run",
        f"{space.url}/openapi/{api}.json",
        f"--url={space.url}{prefix}",
        f"--header=X-API-KEY: {ADMIN_KEY}",
        f"--header=Tenant-ID: {CUSTOMER}",
        f"--seed={SEED}",
        f"--max-examples={EXAMPLES}",
        "--mode=all",
        "--phases=coverage,fuzzing,stateful",
        f"--checks={','.join(CHECKS)}",
        "--warnings=off",
        "--no-color",
    ]
    environment = os.environ | {"SCHEMATHESIS_HOOKS": str(HOOKS), "SCHEMATHESIS_NAMES": json.dumps(space.names(api))}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    print(done.stdout[-3000:])
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
