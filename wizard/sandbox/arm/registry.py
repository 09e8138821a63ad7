"""Which resource types and namespaces the sandbox has, found by name without regard to case."""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wizard.sandbox.arm.kind import Call, Child, Kind, Provider, Reply

if TYPE_CHECKING:
    from wizard.sandbox.world import World

PACKAGES = (
    "wizard.sandbox.arm.core",
    "wizard.sandbox.arm.network",
    "wizard.sandbox.arm.compute",
    "wizard.sandbox.arm.storage",
    "wizard.sandbox.arm.insights",
    "wizard.sandbox.arm.operationalinsights",
    "wizard.sandbox.arm.authorization",
    "wizard.sandbox.arm.retail",
)
"""Each has KINDS and PROVIDERS, and perhaps OPEN_PROVIDERS: what is answered without a token (signed URLs, prices), and
SCOPED: what hangs on other resources (see `scopes`).

An open provider's methods get the aiohttp request after the call.
"""

Handler = Callable[..., Awaitable[Reply]]


@dataclass(frozen=True)
class Route:
    """A path that is not a resource: lower-cased segments, None where a parameter stands."""

    method: str
    segments: tuple[str | None, ...]
    handler: Handler

    def match(self, method: str, segments: tuple[str, ...]) -> list[str] | None:
        """The parameters, or None when this is another path."""
        if method != self.method or len(segments) != len(self.segments):
            return None
        parameters = []
        for mine, theirs in zip(self.segments, segments, strict=True):
            if mine is None:
                parameters.append(theirs)
            elif mine != theirs.lower():
                return None
        return parameters


class Routes:
    """Paths that objects' `@route` methods answer."""

    def __init__(self) -> None:
        self._routes: list[Route] = []

    def add(self, owner: object, prefix: str = "") -> None:
        """Take every marked method of `owner`."""
        for name in dir(type(owner)):
            marked = getattr(getattr(type(owner), name), "arm_route", None)
            if marked is not None:
                method, pattern = marked
                self._routes.append(Route(method, _pattern(f"{prefix}/{pattern}"), getattr(owner, name)))

    def find(self, method: str, segments: tuple[str, ...]) -> tuple[Handler, list[str]] | None:
        for route in self._routes:
            parameters = route.match(method, segments)
            if parameters is not None:
                return route.handler, parameters
        return None

    def methods(self, segments: tuple[str, ...]) -> set[str]:
        """Which methods a path takes; empty when there is no such path."""
        return {route.method for route in self._routes if route.match(route.method, segments) is not None}


class Registry:
    """Kinds by lower-cased type, and the routes of the providers."""

    def __init__(self, world: World) -> None:
        self.kinds: dict[str, Kind] = {}
        self.routes = Routes()
        self.open_routes = Routes()
        self.scoped: dict[str, Routes] = {}
        for name in PACKAGES:
            package = importlib.import_module(name)
            self._take(world, getattr(package, "KINDS", ()), getattr(package, "PROVIDERS", ()))
            for provider in getattr(package, "OPEN_PROVIDERS", ()):
                self.open_routes.add(provider(world))
            for provider in getattr(package, "SCOPED", ()):
                self.scoped.setdefault(provider.namespace.lower(), Routes()).add(provider(world), provider.namespace)
        self.namespaces = {kind.type.split("/")[0].lower(): kind.type.split("/")[0] for kind in self.kinds.values()}
        self._children = {
            f"{kind.type}/{child.type}".lower(): (kind, child)
            for kind in self.kinds.values()
            for child in kind.children
        }

    def _take(self, world: World, kinds: Iterable[type[Kind]], providers: Iterable[type[Provider]]) -> None:
        for kind in kinds:
            self.kinds[kind.type.lower()] = kind(world)
        for provider in providers:
            owner: Any = provider(world)
            prefix = f"subscriptions/{world.subscription}/providers/{provider.namespace}" if provider.namespace else ""
            self.routes.add(owner, prefix)

    def kind(self, type: str) -> Kind | None:
        return self.kinds.get(type.lower())

    def child(self, type: str) -> tuple[Kind, Child] | None:
        """The kind whose document holds children of this type."""
        return self._children.get(type.lower())

    def types(self, namespace: str) -> list[str]:
        """Every type of a namespace, children too, in their own case and without the namespace."""
        prefix = f"{namespace.lower()}/"
        own = [kind.type for kind in self.kinds.values() if kind.type.lower().startswith(prefix)]
        inner = [
            f"{kind.type}/{child.type}"
            for kind, child in self._children.values()
            if kind.type.lower().startswith(prefix)
        ]
        return [full.split("/", 1)[1] for full in (*own, *inner)]


def action_of(kind: Kind, method: str, name: str) -> Callable[[Call, Any], Awaitable[Reply]] | None:
    """The method that `@action` marks for a verb and a name (any case)."""
    for attribute in dir(type(kind)):
        marked = getattr(getattr(type(kind), attribute), "arm_action", None)
        if marked is not None and marked[0] == method and marked[1].lower() == name.lower():
            found: Callable[[Call, Any], Awaitable[Reply]] = getattr(kind, attribute)
            return found
    return None


def _pattern(text: str) -> tuple[str | None, ...]:
    return tuple(None if part.startswith("{") else part.lower() for part in text.split("/") if part)
