"""The order of the steps, which plan keys each one edits, and how far one has come.

A step is the module `screens.<id>` whose name `STEP` is its Step class; one whose module is missing is not in the flow.
Modules are imported when their step is first gone to: the first frame pays for Start alone.
"""

from __future__ import annotations

import importlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from textual.screen import Screen

    from wizard.errors import Problem

State = Literal["done", "here", "to come", "needs attention"]
SIGNS: dict[State, str] = {"done": "✓", "here": "●", "to come": "○", "needs attention": "✗"}


@dataclass(frozen=True)
class Entry:
    """One step: its id, its name for people, the plan keys that it edits, and whether the rail shows it."""

    id: str
    title: str
    keys: tuple[str, ...] = ()
    rail: bool = True

    def edits(self, key: str) -> bool:
        """Whether a problem of this key is mended here; `machines.` stands for all keys below it."""
        return any(key == own or key.startswith(own if own.endswith(".") else f"{own}.") for own in self.keys if own)


ENTRIES = (
    Entry("start", "Start", ("cloud", "version", "wizard.begin", "wizard.plan_file")),
    Entry("basics", "Basics", ("name", "existing_group", "prefix", "location", "machines.os")),
    # The OS disk is a matter of storage; everything else about machines stands with them.
    Entry(
        "machines",
        "Machines",
        (
            "machines.count",
            "machines.size",
            "machines.image",
            "machines.placement",
            "machines.fault_domains",
            "machines.update_domains",
            "machines.admin_user",
            "machines.auth",
            "machines.ssh_key",
            "machines.workload",
            "machines.zones",
            "machines.security_type",
            "machines.encryption_at_host",
            "scale_set.",
            "secret.password",
            "secret.password_again",
            "wizard.key",
            "wizard.pasted_key",
        ),
    ),
    Entry("network", "Network", ("network.",)),
    Entry("balancer", "Load balancer", ("balancer.", "verification.")),
    Entry(
        "storage",
        "Storage",
        (
            "machines.os_disk",
            "machines.os_disk_gb",
            "machines.os_disk_caching",
            "machines.data_disks",
            "storage.",
            "diagnostics.",
            "management.",
            "tags",
        ),
    ),
    Entry("review", "Review"),
    Entry("deploying", "Deploying", rail=False),
    Entry("verify", "Verify", rail=False),
    Entry("reset", "Reset credentials", rail=False),
    Entry("scale", "Scale", rail=False),
    Entry("patch", "Patch", rail=False),
    Entry("home", "Deployment home", rail=False),
)


@cache
def present(id: str) -> bool:
    """Whether this step's module is there, told without importing it."""
    return find_spec(f"screens.{id}") is not None


def entry(id: str) -> Entry:
    """A step by its id."""
    return next(each for each in ENTRIES if each.id == id)


def rail() -> tuple[Entry, ...]:
    """The steps that the rail shows, in order."""
    return tuple(each for each in ENTRIES if each.rail and present(each.id))


def after(id: str) -> Entry | None:
    """The step that Next leads to."""
    return _beside(id, 1)


def before(id: str) -> Entry | None:
    """The step that Back leads to."""
    return _beside(id, -1)


def step_of(key: str) -> str:
    """The id of the step that edits a plan key, `""` when none does."""
    return next((each.id for each in ENTRIES if each.edits(key)), "")


def make(id: str, **arguments: object) -> Screen[None] | None:
    """A new screen of that step, or None when there is none. `arguments` go to its class."""
    if not present(id):
        return None
    step = getattr(importlib.import_module(f"screens.{id}"), "STEP", None)
    screen: Screen[None] | None = step(**arguments) if step else None
    return screen


def _beside(id: str, distance: int) -> Entry | None:
    order = [each.id for each in rail()]
    if id not in order:
        return None
    place = order.index(id) + distance
    return rail()[place] if 0 <= place < len(order) else None


@dataclass
class Progress:
    """Which steps were seen, and which field had the focus when they were left."""

    seen: set[str] = field(default_factory=lambda: {"start"})
    focus: dict[str, str] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)  # where Next was refused: problems are shown from then on

    def state(self, id: str, here: str, problems: Iterable[Problem]) -> State:
        """A step's state in the rail, seen from the step `here`."""
        if id in self.seen and id != here and errors_of(id, problems):
            return "needs attention"
        if id == here:
            return "here"
        return "done" if id in self.seen else "to come"

    def reached(self, ids: Collection[str]) -> set[str]:
        """The steps one may jump to: those seen and the one after them."""
        order = [each.id for each in rail()]
        furthest = max((order.index(each) for each in self.seen if each in order), default=0)
        return set(order[: furthest + 1]) & set(ids)


def errors_of(id: str, problems: Iterable[Problem]) -> list[Problem]:
    """The problems (no warnings) that are mended in this step."""
    return [each for each in problems if each.severity == "error" and step_of(each.field) == id]
