"""A scale set of many machines in the sandbox, from its deployment to its end: what each step costs, per instance.

Run by `bench/deploy.py --instances`. Each size has a sandbox and a process of its own. CPU is this process's, memory
its most so far, both without the imports; requests are those of the sandbox's log, polls included.
"""

# ruff: noqa: PLC0415 - what the home leads to is imported after it is set
# ruff: noqa: T201 - a bench prints

from __future__ import annotations

import asyncio
import json
import os
import resource
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wizard.plan.model import Plan

STEPS = ("deploy", "status", "scale in by 1", "scale out by 1", "destroy")


def plan_of(count: int, name: str) -> Plan:
    """A set of so many machines, with a NAT port for each, in a subnet that holds them."""
    from wizard import keys
    from wizard.plan.model import Balancer, Machines, Nat, Network, Placement, Plan

    return Plan(
        name=name,
        machines=Machines(count=count, ssh_key=keys.ensure().public, placement=Placement.SCALE_SET),
        balancer=Balancer(frontend_port=8080, nat=Nat.RANGE, nat_range=1000),
        network=Network(address_space="10.0.0.0/16", subnet="10.0.0.0/20"),
    )


async def walk(count: int, name: str, log: Path) -> list[dict[str, Any]]:
    """In a process of its own: every step, and what it cost."""
    import azure.mgmt.compute.aio
    import azure.mgmt.network.aio
    import pydantic  # noqa: F401

    from wizard import preflight as _preflight  # noqa: F401
    from wizard.azure import preload
    from wizard.deploy import journey, record, scale

    preload.preload()

    async with journey.open_cloud("sandbox") as azure:

        async def deploy() -> None:
            outlook = await journey.look(plan_of(count, name), azure)
            await journey.carry_out(outlook, azure, {}, _silent)

        async def status() -> None:
            told = await journey.read_status(record.load(name), azure)
            assert (told.state, len(told.ssh)) == ("deployed", count)

        async def scaled(to: int) -> None:
            outlook = await scale.look(record.load(name), azure, to)
            done = await scale.carry_out(outlook, azure, {}, _silent, drain_s=0)
            assert len(done.ssh) == to

        async def destroy() -> None:
            await journey.destroy(record.load(name), azure, _silent)

        acts = (deploy, status, lambda: scaled(count - 1), lambda: scaled(count), destroy)
        return [await _measured(step, act, log) for step, act in zip(STEPS, acts, strict=True)]


async def _measured(step: str, act: Callable[[], Awaitable[None]], log: Path) -> dict[str, Any]:
    mark, cpu, began = os.path.getsize(log), time.process_time(), time.monotonic()  # noqa: ASYNC240, PTH202
    await act()
    told = {
        "step": step,
        "wall_s": time.monotonic() - began,
        "cpu_s": time.process_time() - cpu,
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    with log.open("rb") as stream:
        stream.seek(mark)
        lines = [json.loads(line) for line in stream.read().splitlines()]
    kinds = Counter("poll" if line.get("operation_status") else str(line["method"]) for line in lines)
    throttled = sum(line["status"] == 429 for line in lines)
    return {**told, "requests": len(lines), "kinds": dict(kinds.most_common()), "throttled": throttled}


def report(count: int, speed: float, steps: list[dict[str, Any]], sandbox: dict[str, float]) -> None:
    """One size, for people."""
    print(f"{count} instances, speed {speed:g}, load average {os.getloadavg()[0]:.1f}")
    for one in steps:
        kinds = ", ".join(f"{kind} {number}" for kind, number in one["kinds"].items())
        print(
            f"  {one['step']:<15}{one['wall_s']:7.1f} s  CPU {one['cpu_s']:6.2f} s "
            f"({1000 * one['cpu_s'] / count:5.2f} ms an instance)  at most {one['memory_mb']:4.0f} MB  "
            f"{one['requests']:6} requests ({one['requests'] / count:5.2f} an instance: {kinds}), "
            f"{one['throttled']} throttled"
        )
    told = ", ".join(f"{name} {value:.0f}" for name, value in sandbox.items())
    print(f"  sandbox: {told}", flush=True)


def run(count: int, name: str, log: str) -> str:
    """What the child process prints."""
    return json.dumps(asyncio.run(walk(count, name, Path(log))))


def _silent(_: object) -> None:
    pass
