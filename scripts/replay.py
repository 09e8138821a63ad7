"""How smooth the screens stay while much happens: prints figures, judges nothing. Run it from the repository's root.

    python scripts/replay.py                    608 resources on the Deploying screen, then a load on Verify
    python scripts/replay.py --events FILE      the recorded events of a run (HOME/runs/NAME/RUN/events.jsonl, or
                                                gzipped) instead: bench/deploy-200.jsonl.gz is of 200 VMs in the sandbox

Deploying: the event stream is written by a process of its own into a run's file at its recorded speed, and the screen
follows that file as it follows any run's. Without --events the stream is made from a plan's blueprint, each
resource taking Azure's usual time, squeezed into --seconds. Load: a deployment in a sandbox of its own under a state
folder of its own, loaded at full rate by the run that the Verify screen starts.

jitter   how much later than due a 20 ms tick of the screen's loop runs, in ms (p95; p99 and the longest beside it)
cpu      processor time of the screen's process over the time measured, in % of one core
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import heapq
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

TICK_S = 0.02
NAME = "replay-rg"


def made(vms: int, seconds: float) -> Iterator[tuple[float, dict[str, Any]]]:
    """The events of a deployment of so many VMs, each with when it comes."""
    from screens.ledger import OTHER_S, TYPICAL_S
    from wizard import blueprint
    from wizard.plan.model import Plan

    plan = Plan.model_validate(
        {"name": NAME, "machines": {"count": vms, "ssh_key": "ssh-ed25519 AAAA"}, "network": {"subnet": "10.0.0.0/20"}}
    )
    graph = blueprint.build(plan, "0f5e2a7c-1b1c-4c60-8a53-5a1d6d1f0001")
    chance = random.Random(4)  # the same stream each time
    ends: dict[str, float] = {}
    told: list[tuple[float, int, dict[str, Any]]] = []
    for number, resource in enumerate(graph):
        kind = resource.type.rpartition("/")[2].lower()
        # ARM takes writes at a pace: after a burst, some ten a second.
        began = max([ends[each] for each in resource.after] + [number / 12])
        took = TYPICAL_S.get(kind, OTHER_S) * chance.uniform(0.7, 1.6)
        ends[resource.id] = began + took
        heapq.heappush(told, (began, 2 * number, {"event": "resource", "id": resource.id, "state": "started"}))
        done = {"event": "resource", "id": resource.id, "state": "done", "seconds": took}
        heapq.heappush(told, (began + took, 2 * number + 1, done))
    pace = seconds / max(ends.values())
    yield 0.0, {"event": "began", "kind": "deploy", "name": NAME, "run": "replay"}
    for resource in graph:
        planned = {"event": "planned", "id": resource.id, "type": resource.type, "name": resource.name}
        yield 0.0, {**planned, "after": list(resource.after), "state": "absent"}
    while told:
        at, _, event = heapq.heappop(told)
        if "seconds" in event:
            event["seconds"] = event["seconds"] * pace
        yield at * pace, {**event, "at": at * pace}
    deployed = {"event": "deployed", "name": NAME, "seconds": seconds, "resources": len(graph), "http": ""}
    yield seconds, {**deployed, "ssh": {}, "rdp": {}}
    yield seconds, {"event": "ended", "state": "done", "exit_status": 0, "what": "", "why": "", "remedy": ""}


def recorded(file: Path) -> Iterator[tuple[float, dict[str, Any]]]:
    """A run's events with when each came, in seconds since the first."""
    first: float | None = None
    whole = file.read_bytes()
    for line in (gzip.decompress(whole) if file.suffix == ".gz" else whole).decode().splitlines():
        event = json.loads(line)
        at = datetime.fromisoformat(event["at_utc"]).timestamp()
        first = at if first is None else first
        yield at - first, event


def write(folder: Path, events: Iterator[tuple[float, dict[str, Any]]]) -> None:
    """Be the run: hold its lock, and write each event when it is due."""
    from wizard.runs import journal

    told = list(events)
    lock = journal.take(folder / journal.LOCK)
    assert lock is not None
    writer = journal.Writer(folder)
    (folder / "ready").touch()
    began = time.perf_counter()
    for at, event in told:
        if (wait := at - (time.perf_counter() - began)) > 0:
            time.sleep(wait)
        writer.write(event)


class Measured:
    """Ticks beside a running screen, and the processor time meanwhile."""

    def __init__(self) -> None:
        self.late: list[float] = []
        self._began = self._cpu = 0.0

    async def during(self, over: Callable[[], bool]) -> None:
        self._began, self._cpu = time.perf_counter(), time.process_time()
        due = time.perf_counter()
        while not over():
            due += TICK_S
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            now = time.perf_counter()
            self.late.append(now - due)
            due = max(due, now - TICK_S)
        self.seconds = time.perf_counter() - self._began
        self.cpu = 100 * (time.process_time() - self._cpu) / self.seconds

    def told(self) -> str:
        late = sorted(1000 * max(0.0, each) for each in self.late)
        p95, p99 = (late[int(len(late) * share)] for share in (0.95, 0.99))
        return (
            f"jitter p95 {p95:.1f} ms  (p99 {p99:.1f}, longest {late[-1]:.1f})   cpu {self.cpu:.1f} % of a core   "
            f"over {self.seconds:.0f} s"
        )


async def deploying(arguments: argparse.Namespace, size: tuple[int, int]) -> None:
    """Follow the replayed run on the Deploying screen."""
    from screens.app import WizardApp
    from wizard.runs import journal
    from wizard.runs.run import Run

    folder = journal.make(journal.folder_of(NAME))
    facts = {"id": folder.name, "kind": "deploy", "name": NAME, "began_utc": journal.now(), "pid": os.getpid()}
    plan = {"name": NAME, "machines": {"count": arguments.vms}}
    (folder / journal.FACTS).write_text(json.dumps({**facts, "request": {"plan": plan}}), encoding="utf-8")
    command = [sys.executable, __file__, "--write", str(folder), "--vms", str(arguments.vms)]
    command += ["--seconds", str(arguments.seconds)] + (["--events", str(arguments.events)] if arguments.events else [])
    writer = subprocess.Popen(command)
    try:
        while not (folder / "ready").exists():
            await asyncio.sleep(0.01)
        app = WizardApp()
        async with app.run_test(size=size) as pilot:
            await settled(app, pilot)
            app.go("deploying", run=Run.read(folder))
            measured = Measured()
            await measured.during(lambda: bool(getattr(app.screen, "over", False)))
            rows = len(app.screen.ledger.rows)  # type: ignore[attr-defined]
            print(f"deploying {size[0]}x{size[1]}  {rows} resources   {measured.told()}")
    finally:
        writer.terminate()
        writer.wait()


async def loading(arguments: argparse.Namespace, size: tuple[int, int]) -> None:
    """Deploy two VMs into the sandbox, then load them at full rate on the Verify screen."""
    from screens.app import WizardApp
    from wizard import keys, runs

    plan = {
        "name": "load-rg",
        "machines": {"count": 2, "ssh_key": keys.ensure().public},
        "balancer": {"frontend_port": 8089},
    }
    ended = await (await runs.start("deploy", "load-rg", {"plan": plan})).wait()
    assert ended.state == "done", ended
    app = WizardApp()
    async with app.run_test(size=size) as pilot:
        await settled(app, pilot)
        app.go("verify", name="load-rg", begin="")
        await until(lambda: bool(getattr(app.screen, "status", None)))
        app.screen.action_load()  # type: ignore[attr-defined]
        await until(lambda: bool(app.screen.traffic.steps))  # type: ignore[attr-defined]
        measured = Measured()
        await measured.during(lambda: app.screen.over)  # type: ignore[attr-defined]
        rate = app.screen.traffic.result["rps"]  # type: ignore[attr-defined]
        print(f"verify    {size[0]}x{size[1]}  {rate:,.0f} requests/s   {measured.told()}")


async def bare() -> None:
    """What this machine does to a loop that has nothing else to do."""
    end = time.monotonic() + 3
    measured = Measured()
    await measured.during(lambda: time.monotonic() > end)
    print(f"nothing at all   {measured.told()}")


async def settled(app: Any, pilot: Any) -> None:
    await app.completed()
    await pilot.pause(0.3)


async def until(condition: Callable[[], bool], deadline_s: float = 60.0) -> None:
    end = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end, "it did not come about in time"
        await asyncio.sleep(0.02)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--vms", type=int, default=300, help="300 make the 600 resources that 200 VMs and disks would")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long the made deployment takes")
    parser.add_argument("--events", type=Path, help="a recorded events.jsonl instead of a made one")
    parser.add_argument("--only", choices=("deploying", "load"))
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.write:
        events = recorded(arguments.events) if arguments.events else made(arguments.vms, arguments.seconds)
        write(arguments.write, events)
        return
    parts: list[Callable[..., Awaitable[None]]] = []
    if arguments.only != "load":
        parts.append(deploying)
    if arguments.only != "deploying":
        parts.append(loading)
    with tempfile.TemporaryDirectory(prefix="replay-") as home:
        os.environ["MULTIVM_HOME"] = home
        try:
            asyncio.run(bare())
            for part in parts:
                for size in ((80, 24), (120, 40)) if part is deploying else ((120, 40),):
                    asyncio.run(part(arguments, size))  # type: ignore[arg-type]
        finally:
            subprocess.run([sys.executable, "-m", "wizard", "sandbox", "stop"], capture_output=True, check=False)


if __name__ == "__main__":
    main()
