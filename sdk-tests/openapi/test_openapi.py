"""Whether the server keeps to its own OpenAPI, whatever it is sent: schemathesis against both APIs of the Trophy dialect.

No answer may be a server error, have a status, a content type, headers or a shape that the description does not list, or offer a
method that is not described. The seed is fixed. `SCHEMATHESIS_EXAMPLES` is the number of examples per operation (a short run by
default; `cargo xtask schemathesis` asks for 200), `SCHEMATHESIS_STORES` the stores.

That invalid data are refused is not asked of schemathesis: the Admin API answers them per item inside a 200 (spec 13.2), and the
tests in Rust pin each refusal.
"""

from __future__ import annotations

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
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
]


class Space:
    """A space in which every operation finds something: the names it may use in paths and queries."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.client = httpx.Client(base_url=url, headers={"X-API-KEY": ADMIN_KEY}, timeout=30)
        metric = self.create("metrics", {"name": "Words", "key": "words"})
        self.attributes = self.create("attributes", {"name": "City", "key": "city", "type": "user"})
        self.create("attributes", {"name": "Kind", "key": "kind", "type": "event"})
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
        self.board = self.create("leaderboards", board)
        by_city = {**board, "name": "Cities", "key": "cities", "breakdownAttributes": [self.attributes]}
        self.create("leaderboards", by_city)
        self.achievement = self.create("achievements", {"name": "Bio", "trigger": "api", "status": "active", "key": "bio"})
        webhook = {"name": "Hook", "url": "https://example.com/hook", "events": ["streak.lost"]}
        self.webhook = self.create("webhooks", webhook)
        settings = {
            "metrics": [{"key": "words", "threshold": 1}],
            "freezes": {"startCount": 1, "maxCount": 5},
            "customizationEnabled": True,
        }
        self.client.patch("/admin/v1/streaks/settings", json=settings).raise_for_status()
        for user, value in [("ada", 12), ("bob", 7.5), ("eve", 1)]:
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

    def configuration(self, api: str) -> str:
        """What schemathesis is told of the names: for every parameter some that exist and one that does not."""
        nothing = "00000000-0000-7000-8000-000000000000"
        per_path = {
            "application": [
                ("/users/", {"id": ["ada", "bob", "nobody"]}),
                ("/metrics/", {"key": ["words", "nothing"]}),
                ("/points/", {"key": ["xp", "nothing"]}),
                ("/leaderboards/", {"key": ["all", "cities", "nothing"]}),
                ("/achievements/", {"key": ["bio", "nothing"]}),
            ],
            "admin": [
                ("/attributes/", {"id": [self.attributes, nothing, "x"]}),
                ("/metrics/", {"id": [self.metric, nothing, "x"]}),
                ("/points/{id}", {"id": [self.system, nothing, "x"]}),
                ("/points/{systemId}", {"systemId": [self.system, nothing]}),
                ("/points/{systemId}/levels/", {"id": [self.level, nothing]}),
                ("/points/{systemId}/triggers/", {"id": [self.trigger, nothing]}),
                ("/points/{systemId}/boosts/", {"id": [self.boost, nothing]}),
                ("/leaderboards/", {"id": [self.board, nothing, "x"]}),
                ("/achievements/", {"id": [self.achievement, nothing, "x"]}),
                ("/webhooks/", {"id": [self.webhook, nothing, "x"]}),
            ],
        }[api]
        lines = []
        for path, parameters in per_path:
            pattern = path.replace("{", r"\\{").replace("}", r"\\}")
            lines += ["[[operations]]", f'include-path-regex = "^{pattern}"', "[operations.parameters]"]
            lines += [f'"path.{name}" = {values!r}' for name, values in parameters.items()]
        return "\n".join(lines) + "\n"


@pytest.fixture(scope="module", params=STORES)
def space(request: pytest.FixtureRequest) -> Iterator[Space]:
    """A server with such a space."""
    try:
        server = Server(request.param, multi_tenancy=False)
    except NotRunnable as missing:
        pytest.fail(str(missing), pytrace=False)
    space = Space(server.url)
    yield space
    space.close()
    server.close()


@pytest.mark.parametrize(("api", "prefix"), [("application", "/v1"), ("admin", "/admin/v1")])
def test_nothing_leaves_the_description(space: Space, api: str, prefix: str, tmp_path: Path) -> None:
    """Positive and negative data, and sequences of calls that pass names on."""
    file = tmp_path / "schemathesis.toml"
    file.write_text(space.configuration(api), encoding="utf-8")
    command = [
        str(Path(sys.executable).parent / "schemathesis"),
        f"--config-file={file}",
        "run",
        f"{space.url}/openapi/{api}.json",
        f"--url={space.url}{prefix}",
        f"--header=X-API-KEY: {ADMIN_KEY}",
        f"--seed={SEED}",
        f"--max-examples={EXAMPLES}",
        "--mode=all",
        "--phases=coverage,fuzzing,stateful",
        f"--checks={','.join(CHECKS)}",
        "--warnings=off",
        "--no-color",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    print(done.stdout[-3000:])
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
