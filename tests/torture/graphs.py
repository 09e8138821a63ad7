"""The engine on drawn graphs with drawn troubles, in an ARM in memory, and what must hold of every such run."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from dataclasses import dataclass
from typing import Any, Literal

from hypothesis import strategies as st

from tests.deploy.memory import Memory, Running, beside_time, blueprint, conflict, group, resource
from wizard import ids
from wizard.blueprint.resource import Blueprint, Resource
from wizard.deploy import engine
from wizard.deploy.engine import DeployFailed
from wizard.deploy.events import Deployed, Event, Interrupted, ResourceChanged
from wizard.deploy.secrets import Secrets

Turn = tuple[Literal["refused", "lost", "ends"], str, int | None]
"""How one write goes wrong: refused before anything is done; done, and its answer lost; accepted, and ending badly."""

PASSING: tuple[Turn, ...] = (
    ("refused", "AnotherOperationInProgress", 409),
    ("refused", "Conflict", 409),
    ("refused", "TooManyRequests", 429),
    ("refused", "ReferencedResourceNotProvisioned", 429),
    ("refused", "InternalServerError", 500),
    ("lost", "ServiceUnavailable", 503),
    ("lost", "PreconditionFailed", 412),
    ("ends", "CanceledAndSupersededDueToAnotherOperation", None),
    ("ends", "RetryableError", None),
    ("ends", "OperationLost", None),
)
STAYING: tuple[Turn, ...] = (
    ("refused", "SkuNotAvailable", 409),
    ("refused", "RequestDisallowedByPolicy", 403),
    ("ends", "AllocationFailed", None),
    ("ends", "InternalOperationError", None),
)


@dataclass(frozen=True)
class Scene:
    """`after[i]` are the earlier nodes that node i waits for; `turns[i]` how its writes go wrong, one by one."""

    after: tuple[tuple[int, ...], ...]
    turns: tuple[tuple[Turn, ...], ...]
    cancelled_at: int | None

    def staying(self, node: int) -> bool:
        """Whether a node's writes end in a trouble that does not pass. A write that was done has no turn after it."""
        lost = [number for number, turn in enumerate(self.turns[node]) if turn[0] == "lost"]
        return any(turn in STAYING for turn in self.turns[node][: lost[0] if lost else None])

    def reached(self, node: int) -> bool:
        """Whether everything that a node waits for, however far away, comes to be."""
        return all(self.reached(one) and not self.staying(one) for one in self.after[node])


@st.composite
def scenes(draw: st.DrawFn, cancelled: bool = False) -> Scene:
    count = draw(st.integers(1, 12))
    after = tuple(
        tuple(sorted(draw(st.sets(st.integers(0, node - 1), max_size=3)))) if node else () for node in range(count)
    )
    trouble = st.lists(st.sampled_from(PASSING), max_size=3)
    end = st.sampled_from([*[None] * 8, *STAYING])
    turns = []
    for _ in range(count):
        last = draw(end)
        turns.append((*draw(trouble), *((last,) if last else ())))
    return Scene(after, tuple(turns), draw(st.integers(1, 6)) if cancelled else None)


class Troubled(Memory):
    """Writes go wrong as their script says; what was done in spite of it is counted."""

    def __init__(self, scripts: dict[str, deque[Turn]]) -> None:
        super().__init__()
        self.scripts = scripts
        self.done: Counter[str] = Counter()

    async def begin_put(self, resource: Resource, body: dict[str, Any], *, if_match: str | None = None) -> Running:
        script = self.scripts.get(resource.name)
        how, code, status = script.popleft() if script else ("", "", None)
        if how == "refused":
            await asyncio.sleep(0)
            self.writes.append(resource.id)
            raise conflict(code, status)
        running = await super().begin_put(resource, body, if_match=if_match)
        kept = self.documents[ids.key(resource.id)]
        kept["properties"] = {**kept.get("properties", {}), "provisioningState": "Succeeded"}  # ARM's to say, not ours
        if how == "ends":
            return Running(self, resource.id, conflict(code, status))
        self.done[resource.name] += 1
        if how == "lost":
            raise conflict(code, status)
        return running


def graph_of(scene: Scene) -> tuple[Blueprint, list[Resource]]:
    root = group()
    made: list[Resource] = []
    for number, after in enumerate(scene.after):
        made.append(resource(f"n{number}", root, *(made[one] for one in after)))
    return blueprint(root, *made), made


async def play(scene: Scene) -> None:
    """Deploy the scene and check everything; then once more without troubles, which must complete it."""
    graph, made = graph_of(scene)
    memory = Troubled({node.name: deque(scene.turns[number]) for number, node in enumerate(made)})
    events: list[Event] = []
    work = asyncio.ensure_future(beside_time(memory, engine.deploy(graph, memory, Secrets(), events.append)))
    if scene.cancelled_at is not None:
        memory.on_round = lambda round_: work.cancel() if round_ == scene.cancelled_at else None
    failure: BaseException | None = None
    try:
        await work
    except (DeployFailed, asyncio.CancelledError) as error:
        failure = error
    _check_order(scene, made, events)
    assert max(memory.done.values(), default=0) <= 1, "something was written twice"
    if isinstance(failure, asyncio.CancelledError):
        await _check_silence(memory, events)
    else:
        _check_outcome(scene, made, events, failure)
    memory.scripts.clear()
    memory.on_round = None
    again: list[Event] = []
    await beside_time(memory, engine.deploy(graph, memory, Secrets(), again.append))
    assert isinstance(again[-1], Deployed)
    assert {ids.key(node.id) for node in graph} == set(memory.documents)
    states = [document.get("properties", {}).get("provisioningState") for document in memory.documents.values()]
    assert "Failed" not in states


def _check_order(scene: Scene, made: list[Resource], events: list[Event]) -> None:
    """Nothing starts before all that it waits for has succeeded."""
    changes = [(event.id, event.state) for event in events if isinstance(event, ResourceChanged)]
    at = {change: place for place, change in enumerate(changes)}
    assert len(at) == len(changes), "a state was told twice"
    for number, node in enumerate(made):
        for one in scene.after[number]:
            if (node.id, "started") in at:
                assert at[made[one].id, "done"] < at[node.id, "started"]


def _check_outcome(scene: Scene, made: list[Resource], events: list[Event], failure: BaseException | None) -> None:
    """What can be reached is done, what fails is told, and nobody else suffers for it."""
    failing = {made[n].id for n in range(len(made)) if scene.reached(n) and scene.staying(n)}
    waiting = {made[n].id for n in range(len(made)) if not scene.reached(n)}
    done = {event.id for event in events if isinstance(event, ResourceChanged) and event.state == "done"}
    assert done >= {node.id for node in made} - failing - waiting
    assert not done & (failing | waiting)
    if not failing:
        assert failure is None
        assert isinstance(events[-1], Deployed)
        return
    assert isinstance(failure, DeployFailed)
    assert {one.id for one in failure.failed} == failing
    assert set(failure.waiting) == waiting


async def _check_silence(memory: Troubled, events: list[Event]) -> None:
    """Cancelled, the engine sends nothing more, leaves no task behind, and tells what runs on."""
    sent = (len(memory.writes), len(memory.reads))
    for _ in range(50):
        await asyncio.sleep(0)
    assert (len(memory.writes), len(memory.reads)) == sent
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []
    assert isinstance(events[-1], Interrupted)
    told = [event for event in events if isinstance(event, ResourceChanged)]
    ended = {event.id for event in told if event.state in ("done", "failed")}
    assert set(events[-1].running) <= {event.id for event in told if event.state == "started"} - ended
