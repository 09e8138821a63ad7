"""ARM's paths, taken apart: `//` and a trailing slash count for nothing, and names keep the caller's case."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote


@dataclass(frozen=True)
class ResourcePath:
    """What follows `.../providers/NS` in a path: pairs of type and name, and perhaps one segment more.

    An odd `last` is a collection (`virtualMachines`) or an action (`start`): the registry knows which.
    """

    subscription: str
    group: str  # "" for a path that is not in a resource group
    namespace: str
    types: tuple[str, ...]
    names: tuple[str, ...]
    last: str = ""

    @property
    def type(self) -> str:
        return "/".join((self.namespace, *self.types))


def split(path: str) -> tuple[str, ...]:
    """The segments of a raw path, each percent-decoded."""
    return tuple(unquote(part) for part in path.split("/") if part)


def resource(segments: tuple[str, ...]) -> ResourcePath | None:
    """The resource, collection or action that a path names; None when it names none of them."""
    lower = [segment.lower() for segment in segments]
    if len(segments) < 5 or lower[0] != "subscriptions":
        return None
    if lower[2] == "resourcegroups" and len(segments) > 5 and lower[4] == "providers":
        group, rest = segments[3], segments[5:]
    elif lower[2] == "providers":
        group, rest = "", segments[3:]
    else:
        return None
    namespace, pairs = rest[0], rest[1:]
    last = pairs[-1] if len(pairs) % 2 else ""
    even = pairs[: len(pairs) - len(pairs) % 2]
    return ResourcePath(segments[1], group, namespace, tuple(even[0::2]), tuple(even[1::2]), last)
