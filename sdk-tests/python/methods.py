"""Which methods of the published client the suite has called, on which store. The list of them is read from the client itself.

A call counts when it came back without an error, so its answer was read by the client and checked against the contract.
Must not know what a test is about.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any

from trophy import TrophyApi

# (store, method) of every call that came back.
called: set[tuple[str, str]] = set()

# The store of the test that runs now; None for a test without a server.
store: str | None = None


def found(kind: type, prefix: str = "") -> Iterator[tuple[type, str, str]]:
    """The methods of a class of the client and of those below it: the class, the name there, and the path, e.g. `users.get`."""
    for name, member in sorted(vars(kind).items()):
        if name.startswith("_") or name == "with_raw_response":
            continue
        if isinstance(member, property):
            below = type(getattr(kind(client_wrapper=None) if prefix else TrophyApi(api_key="none"), name))
            yield from found(below, f"{prefix}{name}.")
        elif inspect.isfunction(member):
            yield kind, name, prefix + name


def noting(path: str, method: Callable[..., Any]) -> Callable[..., Any]:
    """The method, which is noted once it has come back."""

    @functools.wraps(method)
    def noted(*args: Any, **kwargs: Any) -> Any:
        answer = method(*args, **kwargs)
        if store is not None:
            called.add((store, path))
        return answer

    return noted


METHODS = list(found(TrophyApi))
PATHS = sorted(path for _, _, path in METHODS)


def watch() -> None:
    """From now on calls are noted."""
    for kind, name, path in METHODS:
        setattr(kind, name, noting(path, getattr(kind, name)))
