"""Whether users lose a request while a deployment grows and shrinks: 2 to 20 to 3 VMs under load, in the sandbox.

    python bench/scale.py [--counts 2,20,3] [--rate 200] [--drain 5] [--speed 20]

An open loop sends `--rate` requests a second, each on a connection of its own, from before the first change until
after the last; a request that fails, or that could not even be sent, is a loss. Before each change 20 connections more
are opened, kept alive, and ask twice a second: how many end with their VM is reported, and no loss of the balancer's.
The sandbox divides ARM's durations by `--speed`; probes and the drain are in real time.
"""

# ruff: noqa: PLC0415 - what the path and the home lead to is imported after they are set
# ruff: noqa: T201 - a bench prints

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

if TYPE_CHECKING:
    from wizard.azure.clients import Azure
    from wizard.verify.load.engine import RunningLoad

LONGEST_S = 1800.0
TIMEOUT_S = 5.0
HELD = 20
CALM_S = 3.0  # of load before the first change and after the last
SEEN_WITHIN_S = 180.0  # until a new VM answers: cloud-init's seconds, then as many probes as its threshold


@dataclass
class Measured:
    """What users saw. `failed` and `dropped` are of new connections; `steps` tell of those that were kept alive."""

    counts: Sequence[int]
    requests: int = 0
    failed: int = 0
    dropped: int = 0
    by_kind: dict[str, int] = field(default_factory=dict)
    failed_at: dict[int, int] = field(default_factory=dict)
    by_vm: dict[str, int] = field(default_factory=dict)
    p50_ms: float | None = None
    p99_ms: float | None = None
    longest_gap_s: float = 0.0
    steps: list[dict[str, Any]] = field(default_factory=list)


async def measure(
    azure: Azure,
    name: str,
    counts: Sequence[int],
    *,
    rate: float,
    drain_s: float,
    say: Callable[[str], None] = lambda text: None,
) -> Measured:
    """Scale a deployment that stands through `counts` under load; a step ends once every VM that is to be answers."""
    from wizard import blueprint
    from wizard.deploy import endpoints, record, scale
    from wizard.verify import balance
    from wizard.verify.drill.held import HeldConnections
    from wizard.verify.load.engine import RunningLoad
    from wizard.verify.load.job import Job

    known = record.load(name)
    http = (await endpoints.read(azure, blueprint.build(known.plan, known.subscription))).http
    url = f"{http}/"
    in_flight = max(50, round(rate * (TIMEOUT_S + 1)))
    load = RunningLoad(Job(url, LONGEST_S, in_flight, rate, False, balance.HEADER, TIMEOUT_S, TIMEOUT_S))
    measured = Measured(counts)
    await load.start()
    began = time.perf_counter()
    finishing = asyncio.create_task(load.finish())
    try:
        for count in counts:
            known = record.load(name)
            held = HeldConnections(url, HELD, balance.HEADER)
            held.start()
            await asyncio.sleep(CALM_S)
            since = time.perf_counter() - began
            outlook = await scale.look(known, azure, count)
            scaled = await scale.carry_out(outlook, azure, {}, lambda event: None, drain_s=drain_s)
            took = time.perf_counter() - began - since
            await _all_answer(load, outlook.plan.vm_names, outlook.new_vms, time.perf_counter() - began)
            await held.end()
            step: dict[str, Any] = {
                "from": scaled.before,
                "to": scaled.to,
                "at": round(since, 1),
                "seconds": round(took, 1),
            }
            step["kept"] = {"went on": sum(held.survived.values()), "ended": dict(held.reset)}
            measured.steps.append(step)
            say(f"{step}, {sum(load.tally.errors.values())} failed so far")
        await asyncio.sleep(CALM_S)
    finally:
        load.stop()
        result = await finishing
    measured.requests, measured.failed, measured.dropped = result.requests, result.errors, result.dropped
    measured.by_kind, measured.by_vm = dict(result.errors_by_kind), dict(result.by_vm)
    measured.failed_at = dict(sorted(load.tally.failed_at.items()))
    measured.p50_ms, measured.p99_ms, measured.longest_gap_s = result.p50_ms, result.p99_ms, result.longest_gap_s
    return measured


async def _all_answer(load: RunningLoad, vms: Sequence[str], new: Sequence[str], since: float) -> None:
    """Until each new VM has answered after `since`."""
    deadline = time.monotonic() + SEEN_WITHIN_S
    while silent := [vm for vm in new if load.tally.last_by_vm.get(vm, -1.0) < min(since, load.tally.lasted_s)]:
        if not load.tally.lasted_s or time.monotonic() > deadline:
            raise SystemExit(f"never heard of: {', '.join(silent)} of {len(vms)}")
        await asyncio.sleep(0.2)


async def _bench(first: int, counts: Sequence[int], rate: float, drain_s: float) -> Measured:
    from wizard import blueprint, keys
    from wizard.azure import clients, clouds
    from wizard.deploy import journey
    from wizard.plan.model import Balancer, Machines, Plan
    from wizard.verify import control, machines, readiness

    plan = Plan(
        name="bench-scale-rg",
        machines=Machines(count=first, ssh_key=keys.ensure().public),
        balancer=Balancer(frontend_port=8080),
    )
    async with clients.connect(clouds.find("sandbox")) as azure:
        await journey.carry_out(await journey.look(plan, azure), azure, {}, lambda event: None)
        planned = blueprint.build(plan, azure.subscription_id)
        rule = control.balancing_rule(planned, await control.read(azure, planned))
        place = readiness.Place(machines.of(planned), rule, {})
        if not await readiness.wait(azure, place, 120, lambda event: None):
            raise SystemExit("the deployment never became healthy")
        return await measure(
            azure, plan.name, counts, rate=rate, drain_s=drain_s, say=lambda text: print(text, file=sys.stderr)
        )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--counts", default="2,20,3")
    options.add_argument("--rate", type=float, default=200.0)
    options.add_argument("--drain", type=float, default=5.0)
    options.add_argument("--speed", type=float, default=20.0)
    chosen = options.parse_args()
    first, *counts = (int(number) for number in chosen.counts.split(","))
    with tempfile.TemporaryDirectory(prefix="multivm-bench-") as home:
        os.environ["MULTIVM_HOME"] = home
        from wizard.sandbox import control

        control.start(speed=chosen.speed)
        try:
            measured = asyncio.run(_bench(first, counts, chosen.rate, chosen.drain))
        finally:
            control.stop()
    print(json.dumps(asdict(measured), indent=2))
    if measured.failed or measured.dropped:
        raise SystemExit(f"{measured.failed} requests failed, {measured.dropped} could not be sent")


if __name__ == "__main__":
    main()
