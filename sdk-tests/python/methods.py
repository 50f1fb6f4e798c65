"""The methods of the published client, and which of them were called."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any

from trophy import TrophyApi
from trophy.environment import TrophyApiEnvironment

called: set[str] = set()


def _methods(client: object, path: tuple[str, ...] = ()) -> Iterator[tuple[type, str, Callable[..., Any], str]]:
    kind = type(client)
    for name, member in vars(kind).items():
        if name.startswith("_") or name == "with_raw_response":
            continue
        if isinstance(member, property):
            yield from _methods(getattr(client, name), (*path, name))
        elif inspect.isfunction(member):
            yield kind, name, member, ".".join((*path, name))


def _noting(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def noted(*args: Any, **kwargs: Any) -> Any:
        called.add(name)
        return method(*args, **kwargs)

    return noted


def note_calls() -> frozenset[str]:
    """From now on every call of a method is noted; answers the names of all methods."""
    nowhere = TrophyApiEnvironment(api="http://127.0.0.1", admin="http://127.0.0.1")
    found = list(_methods(TrophyApi(api_key="", environment=nowhere)))
    for kind, name, method, path in found:
        setattr(kind, name, _noting(path, method))
    return frozenset(path for *_, path in found)


ALL = note_calls()
