"""How near deployments come to the shortest way: time, CPU, memory and requests, in the sandbox.

    python bench/deploy.py                          2 VMs at speed 1, 200 VMs at speed 4; about four minutes
    python bench/deploy.py --runs 200@4,200@4       a run after the first one uses the poll times learned before
    python bench/deploy.py --runs 2@1 --compare     beside one resource after the other, and ten at a time
    python bench/deploy.py --instances 100@40,1000@40    a scale set's deployment, status, scaling and end

Each deployment runs in a process of its own, so that its CPU time and memory are its own: everything after the imports
counts (sign-in, preflight, survey, deploying, record and journal). Times, polls and throttling are read from the
sandbox's request log.
"""

# ruff: noqa: PLC0415 - what the path and the home lead to is imported after they are set
# ruff: noqa: T201 - a bench prints

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

if TYPE_CHECKING:
    from wizard.azure.clients import Azure
    from wizard.blueprint.resource import Resource
    from wizard.plan.model import Plan

COMPARED = {"one after the other": 1, "ten at a time": 10}
FASTER = 10
"""The sequential walks run at this many times the speed: their length is a sum of durations, whatever the clock."""


class FewAtOnce:
    """A cloud in which only so many writes run side by side: what the engine would be with less parallelism."""

    def __init__(self, azure: Azure, at_once: int) -> None:
        self._azure = azure
        self._places = asyncio.Semaphore(at_once)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._azure, name)

    async def begin_put(self, resource: Resource, body: dict[str, Any], *, if_match: str | None = None) -> Any:
        await self._places.acquire()
        try:
            operation = await self._azure.begin_put(resource, body, if_match=if_match)
        except BaseException:
            self._places.release()
            raise
        if operation is None:
            self._places.release()
            return None
        return _Held(operation, self._places)


class _Held:
    """An operation that gives its place back when it has ended."""

    def __init__(self, operation: Any, places: asyncio.Semaphore) -> None:
        self._operation = operation
        self._places = places

    def __getattr__(self, name: str) -> Any:
        return getattr(self._operation, name)

    async def result(self) -> Any:
        try:
            return await self._operation.result()
        finally:
            self._places.release()


def _plan(vms: int, name: str) -> Plan:
    from wizard import keys
    from wizard.plan.model import Balancer, Machines, Plan

    return Plan(
        name=name,
        machines=Machines(count=vms, ssh_key=keys.ensure().public),
        balancer=Balancer(frontend_port=8080),
    )


async def _deploy(vms: int, name: str, at_once: int) -> dict[str, Any]:
    """In a process of its own: deploy, and tell what it cost."""
    import azure.mgmt.compute.aio
    import azure.mgmt.storage.aio
    import pydantic  # noqa: F401

    from wizard import blueprint as _blueprint  # noqa: F401
    from wizard import preflight as _preflight  # noqa: F401
    from wizard.azure import clients, preload
    from wizard.deploy import engine as _engine  # noqa: F401
    from wizard.deploy import journey

    preload.preload()
    plan = _plan(vms, name)
    before, wall = time.process_time(), time.monotonic()
    async with journey.open_cloud("sandbox") as azure:
        limited: clients.Azure = FewAtOnce(azure, at_once) if at_once else azure  # type: ignore[assignment]
        outlook = await journey.look(plan, limited)
        looked = time.process_time()
        deployed = await journey.carry_out(outlook, limited, {}, lambda event: None)
    return {
        "cpu_s": time.process_time() - before,
        "cpu_look_s": looked - before,
        "wall_s": time.monotonic() - wall,
        "engine_s": deployed.seconds,
        "resources": deployed.resources,
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def measure(vms: int, speed: float, *, at_once: int = 0, number: int = 0) -> dict[str, Any]:
    """One deployment in a new sandbox of the present home; what was learned by earlier ones stays."""
    from bench import makespan
    from wizard import blueprint
    from wizard.sandbox import control

    with suppress(FileNotFoundError):
        shutil.rmtree(control.folder())
    state = control.start(speed=speed)
    try:
        idle = _cpu_of(state["pid"])
        name = f"bench-{number}-rg"
        child = [sys.executable, __file__, "--child", str(vms), name, str(at_once)]
        told = json.loads(subprocess.run(child, check=True, stdout=subprocess.PIPE, text=True).stdout)
        sandbox_cpu = _cpu_of(state["pid"]) - idle
        lines = makespan.read(Path(state["requests_log"]))
        seen = makespan.of(lines, blueprint.build(_plan(vms, name), state["subscription"]), speed)
    finally:
        control.stop()
    return {**told, "sandbox_cpu_s": sandbox_cpu, "seen": seen, "vms": vms, "speed": speed, "load": os.getloadavg()[0]}


def instances(count: int, speed: float) -> None:
    """A scale set of so many machines in a new sandbox, from its deployment to its end; see `instances.py`."""
    from bench import instances as of_set
    from wizard.sandbox import control

    with suppress(FileNotFoundError):
        shutil.rmtree(control.folder())
    state = control.start(speed=speed)
    try:
        pid = int(state["pid"])
        child = [sys.executable, __file__, "--child-of-set", str(count), f"set-{count}-rg", state["requests_log"]]
        steps = json.loads(subprocess.run(child, check=True, stdout=subprocess.PIPE, text=True).stdout)
        status = Path(f"/proc/{pid}/status").read_text() if Path("/proc").is_dir() else ""
        most = next((int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0.0)
        of_set.report(count, speed, steps, {"CPU seconds": _cpu_of(pid), "MB at most": most})
    finally:
        control.stop()


def _cpu_of(pid: int) -> float:
    """CPU seconds of a process so far, or 0 where the system does not tell."""
    try:
        parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")


def report(title: str, run: dict[str, Any]) -> None:
    """One run, for people."""
    seen, count = run["seen"], run["resources"]
    print(f"{title}: {run['vms']} VMs, {count} resources, speed {run['speed']:g}, load average {run['load']:.1f}")
    print(
        f"  makespan {seen.seconds:.2f} s, bound {seen.bound:.2f} s (path {seen.path:.2f} s): ratio {seen.ratio:.3f}; "
        f"the engine's whole run {run['engine_s']:.2f} s"
    )
    print(f"  noticed after {seen.noticed_s[0]:.3f} s (median), {seen.noticed_s[1]:.3f} s (longest)")
    closest = "never asked twice" if seen.closest_s is None else f"asked again after {seen.closest_s:.3f} s at soonest"
    print(f"  requests {seen.requests}; one operation {closest}")
    print(f"  throttled {seen.throttled} times, {seen.throttled_s:.1f} s of waits")
    print(
        f"  CPU {1000 * run['cpu_s'] / count:.1f} ms per resource ({run['cpu_s']:.2f} s, {run['cpu_look_s']:.2f} s "
        f"of it before the first write), resident at most {run['memory_mb']:.0f} MB"
    )
    print(
        f"  sandbox: CPU {run['sandbox_cpu_s']:.1f} s in {run['wall_s']:.1f} s; it ended operations "
        f"{seen.late_s[0]:.3f} s late (median), {seen.late_s[1]:.3f} s (longest)",
        flush=True,
    )


def _runs(text: str) -> list[tuple[int, float]]:
    return [(int(vms), float(speed)) for vms, _, speed in (run.partition("@") for run in text.split(","))]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--runs", type=_runs, default="2@1,200@4", help="VMs@SPEED, separated by commas")
    options.add_argument("--compare", action="store_true", help="the first of the runs also with less parallelism")
    options.add_argument("--instances", type=_runs, help="scale sets in place of runs: INSTANCES@SPEED, ...")
    options.add_argument("--child-of-set", nargs=3, help=argparse.SUPPRESS)
    options.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.child:
        vms, name, at_once = chosen.child
        print(json.dumps(asyncio.run(_deploy(int(vms), name, int(at_once)))))
        return
    if chosen.child_of_set:
        from bench import instances as of_set

        count, name, log = chosen.child_of_set
        print(of_set.run(int(count), name, log))
        return
    with tempfile.TemporaryDirectory(prefix="multivm-bench-") as home:
        os.environ["MULTIVM_HOME"] = home
        for count, speed in chosen.instances or ():
            instances(count, speed)
        if chosen.instances:
            return
        for number, (vms, speed) in enumerate(chosen.runs):
            report("deployed", measure(vms, speed, number=number))
        if chosen.compare:
            vms, speed = chosen.runs[0]
            for title, at_once in COMPARED.items():
                report(title, measure(vms, speed * FASTER, at_once=at_once, number=1000 + at_once))


if __name__ == "__main__":
    main()
