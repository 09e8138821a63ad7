"""The graph's two nouns. A Blueprint is what Azure must hold; review, deploying, comparing and tearing down read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import TopologicalSorter
from typing import Any

from wizard import ids
from wizard.plan.naming import OWNER_TAG

__all__ = ["OWNER_TAG", "AtFirst", "Blueprint", "Resource"]


class AtFirst(int):
    """A number that is planned for the beginning alone: afterwards Azure's autoscale decides, and any is as planned."""


@dataclass(frozen=True)
class Resource:
    """One resource as ARM is to hold it.

    `body` is what a PUT sends, without secrets. `secrets` tells where one belongs when the request is built: a path
    into the body and the secret's kind, such as `(("properties", "osProfile", "adminPassword"), "password")`.
    `after` are the ids of the resources that must have succeeded before this one can be written.
    """

    id: str
    type: str
    name: str
    body: Mapping[str, Any]
    after: tuple[str, ...] = ()
    secrets: tuple[tuple[tuple[str, ...], str], ...] = ()


@dataclass(frozen=True)
class Blueprint:
    """All resources of one deployment, each after what it waits for; the resource group first, where it is ours."""

    name: str
    subscription: str
    location: str
    resources: tuple[Resource, ...] = field(default=())

    @cached_property
    def _by_key(self) -> Mapping[str, Resource]:
        return {ids.key(resource.id): resource for resource in self.resources}

    def __getitem__(self, id: str) -> Resource:
        return self._by_key[ids.key(id)]

    def __contains__(self, id: object) -> bool:
        return isinstance(id, str) and ids.key(id) in self._by_key

    def __iter__(self) -> Iterator[Resource]:
        return iter(self.resources)

    def __len__(self) -> int:
        return len(self.resources)

    def of_type(self, type: str) -> tuple[Resource, ...]:
        """All resources of an ARM type, in the blueprint's order."""
        return tuple(resource for resource in self.resources if resource.type.lower() == type.lower())

    def sorter(self) -> TopologicalSorter[str]:
        """An unprepared sorter over the ids: what is ready can be written side by side."""
        return TopologicalSorter({resource.id: resource.after for resource in self.resources})
