"""What schemathesis sends is led to things that exist: most names in paths, and many in bodies, become those of the space.

Without it nearly every call would end at an unknown name. Loaded by schemathesis itself (`SCHEMATHESIS_HOOKS`); the names come in
`SCHEMATHESIS_NAMES`, a JSON object from what a path calls a kind (`metrics`) to the names of that kind. What is sent
follows from what was generated, so a seed still says everything. Must not know how the names came to be.
"""

from __future__ import annotations

import copy
import json
import os
import random
import zlib
from typing import Any

import schemathesis

NAMES: dict[str, list[str]] = json.loads(os.environ["SCHEMATHESIS_NAMES"])

# How many of ten names are those of the space. In sequences of calls names are handed on from call to call, so fewer.
LED, LED_IN_SEQUENCES = 8, 4

# Members of bodies that name a thing of another kind than the path does.
KINDS = {
    "metricId": "metrics",
    "attributeId": "attributes",
    "pointsSystemId": "points",
    "achievementId": "achievements",
    "achievementIds": "achievements",
    "breakdownAttributes": "attributes",
    "userId": "users",
    "user": "users",
}

# A range of dates that summaries accept; two dates drawn by themselves are hardly ever one.
RANGE = {"startDate": "2026-01-01", "endDate": "2026-12-31"}

# Nothing listens there. No message may leave the machine, whatever endpoint is made up.
NOWHERE = "http://127.0.0.1:9/hook"


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case, kwargs: dict[str, Any]) -> None:
    """Changes a call before it is sent."""
    told = repr((case.method, case.path, case.path_parameters, case.query, case.body))
    draw = random.Random(zlib.crc32(told.encode("utf-8", "surrogatepass")))
    is_sequence = case.meta is not None and case.meta.phase.name.value == "stateful"
    led = LED_IN_SEQUENCES if is_sequence else LED
    segments = case.path.strip("/").split("/")
    for kind, segment in zip(segments, segments[1:], strict=False):
        if segment.startswith("{") and kind in NAMES and draw.randrange(10) < led:
            case.path_parameters[segment.strip("{}")] = draw.choice(NAMES[kind])
    if case.query and draw.randrange(10) < led:
        case.query |= {member: RANGE[member] for member in RANGE if member in case.query}
        for member, kind in [("userId", "users"), ("userAttributes", "attributeValues")]:
            if member in case.query and kind in NAMES:
                case.query[member] = draw.choice(NAMES[kind])
    if isinstance(case.body, dict | list):
        case.body = lead(copy.deepcopy(case.body), segments[-1], draw, led)


def lead(value: Any, kind: str, draw: random.Random, led: int) -> Any:
    """The value with names of the space. `kind` is what an `id` in it names, or the last segment of the path."""
    if isinstance(value, list):
        return [lead(item, kind, draw, led) for item in value]
    if not isinstance(value, dict):
        return value
    for member, inner in value.items():
        if member == "url" and kind == "webhooks":
            value[member] = NOWHERE
        elif member == "multiTenancy" and inner is False:
            value[member] = True
        elif member == "attributes" and isinstance(inner, dict) and draw.randrange(10) < led:
            # Unknown keys are refused.
            value[member] = {}
        else:
            below = KINDS.get(member, member if member in NAMES else kind)
            # What an item is about; events name their metric by its key.
            is_own = member == ("key" if kind == "events" else "id")
            names = NAMES.get(kind if is_own else below, [])
            is_led = (is_own or member in KINDS) and names and draw.randrange(10) < led
            if is_led and isinstance(inner, str):
                value[member] = draw.choice(names)
            elif is_led and isinstance(inner, list) and all(isinstance(one, str) for one in inner):
                value[member] = [draw.choice(names) for _ in inner]
            else:
                value[member] = lead(inner, below, draw, led)
    return value
