"""Whose a resource is. Every resource of a deployment carries one tag; what lacks it is never written nor deleted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wizard.blueprint.names import OURS
from wizard.blueprint.resource import OWNER_TAG


def owner(document: Mapping[str, Any]) -> str | None:
    """The name of the deployment a resource belongs to, or None. The names of tags have no case in ARM."""
    tags = document.get("tags")
    if not isinstance(tags, Mapping):
        return None
    return next((str(value) for name, value in tags.items() if str(name).lower() == OWNER_TAG), None)


def is_extension(document: Mapping[str, Any]) -> bool:
    """Whether it hangs on another resource or a group, as settings and locks do: such have a name of ours, no tags."""
    id = str(document.get("id", "")).lower()  # noqa: A001 - as ARM calls it
    return id.count("/providers/") > 1 or "/providers/microsoft.authorization/" in id


def owned(document: Mapping[str, Any], deployment: str) -> bool:
    """Whether the tag names this deployment. Its name is a resource group's, and those have no case either."""
    if is_extension(document):
        name = str(document["id"]).rpartition("/")[2].casefold()
        return name == OURS or name.startswith(f"{OURS}-")
    whose = owner(document)
    return whose is not None and whose.casefold() == deployment.casefold()
