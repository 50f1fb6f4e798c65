"""Checks every answer of the server against the contract of its operation and status.

The contract is OpenAPI 3.1, so its schemas are JSON Schema 2020-12 as they stand (`type: [string, null]`, no `nullable`).
Must not know how servers are started or what a test is about: it sees requests and responses only.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

import superset

FOLDER = Path(
    os.environ.get("KLEOS_CONTRACT", Path(__file__).resolve().parents[3] / "shared" / "contract" / "trophy")
)

METHODS = ("get", "post", "put", "patch", "delete")

# Statuses an operation may answer although the contract does not list them; the body is always `{"error": string}`.
# 403 is an application key outside its scope (AMB-1), 404 an unknown user or metric (AMB-8).
UNLISTED_ERRORS = {401, 403, 404, 405, 413, 429, 501}

# Instants are sent in one form only: UTC with milliseconds (spec 0.3).
INSTANT = re.compile(r"^\d{4}-(0\d|1[0-2])-([0-2]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$")

FORMATS = FormatChecker(formats=["date", "uuid"])
FORMATS.checks("date-time")(lambda text: not isinstance(text, str) or INSTANT.match(text) is not None)


class ContractError(AssertionError):
    """An answer that the contract does not allow."""


@dataclass(frozen=True)
class Operation:
    """One method of one path template of one of the two APIs."""

    api: str
    prefix: str
    method: str
    template: str
    statuses: frozenset[str]

    def __str__(self) -> str:
        return f"{self.api} {self.method.upper()} {self.template}"


def load(name: str) -> dict[str, Any]:
    """A contract document, extended by what came after it."""
    file = FOLDER / f"{name}.json"
    if not file.is_file():
        raise FileNotFoundError(f"{file} is missing: set KLEOS_CONTRACT to the folder with {name}.json")
    document = json.loads(file.read_text(encoding="utf-8"))
    {"application": superset.extend_application, "admin": superset.extend_admin}[name](document)
    return document


DOCUMENTS = {name: load(name) for name in ("application", "admin")}

REGISTRY = Registry().with_resources(
    (f"urn:{name}", Resource(contents=document, specification=DRAFT202012)) for name, document in DOCUMENTS.items()
)

# The longest prefix first: `/admin/v1` before `/v1`.
PREFIXES = {"/admin/v1": "admin", "/v1": "application", "/api": "application"}

OPERATIONS = [
    Operation(api, prefix, method, template, frozenset(item[method]["responses"]))
    for prefix, api in PREFIXES.items()
    if prefix != "/api"
    for template, item in DOCUMENTS[api]["paths"].items()
    for method in METHODS
    if method in item
]

ERROR_BODY = {
    "type": "object",
    "properties": {"error": {"type": "string", "minLength": 1}},
    "required": ["error"],
}


def matches(template: str, path: str) -> bool:
    """Whether `path` is an instance of `template`: same number of segments, literal ones equal."""
    want, have = template.split("/"), path.split("/")
    return len(want) == len(have) and all(
        unquote(there) == here or (here.startswith("{") and there != "")
        for here, there in zip(want, have, strict=True)
    )


def resolve(path: str) -> tuple[str, dict[str, Operation]] | None:
    """The API a raw path belongs to and the operations of its most literal template; None outside both APIs."""
    for prefix, api in PREFIXES.items():
        if path == prefix or path.startswith(prefix + "/"):
            rest = path[len(prefix) :]
            templates = [template for template in DOCUMENTS[api]["paths"] if matches(template, rest)]
            if not templates:
                return api, {}
            best = min(templates, key=lambda template: template.count("{"))
            return api, {
                operation.method: operation
                for operation in OPERATIONS
                if operation.api == api and operation.template == best
            }
    return None


def validate(schema: dict[str, Any], body: Any, what: str) -> None:
    """Raises unless `body` satisfies `schema`, naming the first few places where it does not."""
    validator = Draft202012Validator(schema, registry=REGISTRY, format_checker=FORMATS)
    errors = sorted(validator.iter_errors(body), key=lambda error: list(map(str, error.absolute_path)))
    if errors:
        places = [f"  at {error.json_path}: {error.message[:400]}" for error in errors[:5]]
        raise ContractError("\n".join([f"{what}: not what the contract says", *places, json.dumps(body)[:2000]]))


def check(response: httpx.Response) -> None:
    """Raises unless the answer is one the contract allows for its operation and status."""
    request = response.request
    path = request.url.raw_path.decode("ascii").partition("?")[0]
    found = resolve(path)
    if found is None:
        return
    api, operations = found
    status = response.status_code
    operation = operations.get(request.method.lower())
    what = f"{operation or f'{api} {request.method} {path}'} -> {status}"

    if status >= 500 and status != 501:
        raise ContractError(f"{what}: {response.text[:2000]}")
    media_type = response.headers.get("content-type", "").partition(";")[0].strip()
    if media_type != "application/json":
        raise ContractError(f"{what}: content-type {media_type!r}, body {response.text[:500]!r}")
    body = response.json()

    if operation is None:
        expected = {401, 405} if operations else {401, 404}
        if status not in expected:
            raise ContractError(f"{what}: no such operation, so one of {sorted(expected)} was expected")
        if status == 405 and not response.headers.get("allow"):
            raise ContractError(f"{what}: without an Allow header")
        validate(ERROR_BODY, body, what)
    elif str(status) in operation.statuses:
        pointer = "/".join(
            part.replace("~", "~0").replace("/", "~1")
            for part in ("paths", operation.template, operation.method, "responses", str(status))
        )
        reference = f"urn:{api}#/{pointer}/content/application~1json/schema"
        validate({"$ref": reference.replace("{", "%7B").replace("}", "%7D")}, body, what)
        if status >= 400:
            validate(ERROR_BODY, body, what)
    elif status in UNLISTED_ERRORS:
        validate(ERROR_BODY, body, what)
    else:
        raise ContractError(f"{what}: the contract lists {sorted(operation.statuses)} only: {response.text[:1000]}")
