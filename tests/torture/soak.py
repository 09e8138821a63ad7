"""Half an hour of deploying, proving, resetting, scaling and destroying: nothing may grow, neither here nor there.

One sandbox and one Python process that calls `wizard.api` live through all rounds. After each round, when nothing is
left in the cloud, both are looked at by /proc: resident memory, descriptors, threads and children. A round's kind
changes by turns, so that each third of the soak holds as many of each.

The rule: after the warm-up (a fifth of the rounds, and two turns of every kind at least), the median of the last third
must not exceed the median of the first by more than TOLERANCE says. A leak of 30 kB or of a hundredth of a descriptor a
round is seen by that in half an hour; what an allocator keeps or gives back from one round to the next is not.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.torture.progress import Budget, Progress

SPEED = 1000.0
PORT = 18461
KINDS = ("key", "password", "windows", "scale-set", "range")
FIGURES = ("rss_kb", "descriptors", "threads", "children")
WHO = ("sandbox", "process")

TOLERANCE = {"rss_kb": (4096, 0.03), "descriptors": (2, 0.0), "threads": (1, 0.0), "children": (0, 0.0)}
"""What the last third may have more than the first: the larger of so many and of that share. Threads come and go with
asyncio's pool, which has at most `min(32, cpus + 4)` of them and keeps what it once started."""

LEAST = 3 * len(KINDS) * 2
"""Fewer rounds say nothing."""
ROUND_S = 120.0

Sample = dict[str, int]


def run(progress: Progress, budget: Budget) -> int:
    """One case, which lasts as long as the budget allows."""
    if progress.has("soak"):
        return 0
    from wizard.sandbox import control

    state = control.start(speed=SPEED)
    rounds: list[dict[str, Any]] = []
    try:
        with _process() as process:
            until = time.monotonic() + max(0.0, budget.left_s() - ROUND_S / 2)
            while time.monotonic() < until:
                told = _round(process, len(rounds))
                samples = {"sandbox": look(int(state["pid"])), "process": look(process.pid)}
                rounds.append({**told, **samples})
                _say(rounds)
                if told.get("why"):
                    break
    finally:
        control.stop()
    why = next((str(told["why"]) for told in rounds if told.get("why")), "")
    judged = judge(rounds)
    print(table(judged))  # noqa: T201
    grown = [f"{row['who']}: {row['figure']} {row['first']} -> {row['last']}" for row in judged if row["grown"]]
    if not why and len(rounds) < LEAST:
        print(f"soak: {len(rounds)} rounds are too few to judge by; {LEAST} are wanted")  # noqa: T201
        return 1
    bad = why or "; ".join(grown)
    progress.keep("soak", "soak", "failed" if bad else "held", bad, rounds=len(rounds), figures=judged)
    return 0


def look(pid: int) -> Sample:
    """A process as Linux tells it; its children are all that descend from it."""
    status = Path(f"/proc/{pid}/status").read_text()
    facts = dict(line.split(":", 1) for line in status.splitlines())
    return {
        "rss_kb": int(facts["VmRSS"].split()[0]),
        "descriptors": sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir()),
        "threads": int(facts["Threads"]),
        "children": len(_descendants(pid)),
    }


def _descendants(pid: int) -> set[int]:
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def judge(rounds: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of each process and figure: the medians of the first and last third after the warm-up, and whether it grew."""
    warm = max(len(rounds) // 5, 2 * len(KINDS))
    kept = list(rounds[warm:])
    third = len(kept) // 3
    if third == 0:
        return []
    judged = []
    for who in WHO:
        for figure in FIGURES:
            first = statistics.median(told[who][figure] for told in kept[:third])
            last = statistics.median(told[who][figure] for told in kept[-third:])
            number, share = TOLERANCE[figure]
            row = {"who": who, "figure": figure, "first": first, "last": last, "rounds": len(kept)}
            row["most"] = max(told[who][figure] for told in kept)
            row["allowed"] = max(number, share * first)
            row["grown"] = last - first > row["allowed"]
            judged.append(row)
    return judged


def table(judged: Iterable[dict[str, Any]]) -> str:
    names = ("who", "figure", "first", "last", "most", "allowed", "grown")
    lines = ["".join(f"{name:>13}" for name in names)]
    lines += ["".join(f"{_cell(row[name]):>13}" for name in names) for row in judged]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    return f"{value:.0f}" if isinstance(value, float) else str(value)


def _say(rounds: Sequence[dict[str, Any]]) -> None:
    told = rounds[-1]
    figures = "  ".join(f"{who} " + "/".join(str(told[who][figure]) for figure in FIGURES) for who in WHO)
    print(f"{len(rounds):4} {told['kind']:10} {told['seconds']:6.1f} s  {figures}", flush=True)  # noqa: T201


@contextlib.contextmanager
def _process() -> Iterator[subprocess.Popen[str]]:
    """The process that calls `wizard.api`: a line in, a round, a line out; it ends with its standard input."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.torture.soak"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        assert process.stdin
        process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.wait()
        assert process.stdout
        process.stdout.close()


def _round(process: subprocess.Popen[str], number: int) -> dict[str, Any]:
    assert process.stdin
    assert process.stdout
    process.stdin.write(f"{number}\n")
    process.stdin.flush()
    line = process.stdout.readline()
    assert line, f"the process that deploys has ended in round {number}"
    told: dict[str, Any] = json.loads(line)
    return told


async def _serve() -> None:
    """The life of the process that deploys: one event loop for all rounds, as a program of a user has it."""
    while line := await asyncio.to_thread(sys.stdin.readline):
        number = int(line)
        kind = KINDS[number % len(KINDS)]
        began, why = time.monotonic(), ""
        try:
            await asyncio.wait_for(play(kind, f"soak-{number}-rg"), ROUND_S)
        except Exception as error:
            why = f"round {number}, {kind}: {type(error).__name__}: {error}"
        gc.collect()
        print(json.dumps({"kind": kind, "seconds": time.monotonic() - began, "why": why}), flush=True)  # noqa: T201


async def play(kind: str, name: str) -> None:
    """One round: everything that is made is proved and gone at its end."""
    from pydantic import SecretStr

    from wizard import api

    plan = plan_of(kind, name)
    password = SecretStr("Soaked-through-1") if plan.machines.auth.value == "password" else None
    try:
        await api.deploy(plan, password=password)
        checks: list[Any] = []
        verified = await api.verify(name, password=password, wait_s=60, emit=checks.append)
        assert verified.failed == 0, [check for check in checks if getattr(check, "state", "") == "failed"]
        if kind == "password":
            new = {f"web{number}": SecretStr("Soaked-through-2") for number in (1, 2)}
            resets = await api.reset_credentials(name, new=new, old=password)
            assert {one.state for one in resets} == {"proved"}, resets
        scaled = await api.scale(name, count=3, password=password, drain_s=0)
        assert scaled.to == 3
        await api.scale(name, count=1 if kind == "scale-set" else 2, password=password, drain_s=0)
    finally:
        await api.destroy(name)


def plan_of(kind: str, name: str) -> Any:
    from wizard import keys
    from wizard.plan.model import Auth, Balancer, Machines, Nat, Network, OsType, Placement, Plan

    made: dict[str, Any] = {"count": 2}
    if kind in ("password", "windows"):
        made["auth"] = Auth.PASSWORD
    else:
        made["ssh_key"] = keys.ensure().public
    if kind == "windows":
        made |= {"os": OsType.WINDOWS, "image": "windows-2022"}
    if kind == "scale-set":
        made["placement"] = Placement.SCALE_SET
    nat = Nat.RANGE if kind in ("scale-set", "range") else Nat.PER_VM
    return Plan(
        name=name,
        prefix="web",
        machines=Machines(**made),
        balancer=Balancer(frontend_port=PORT, nat=nat, probe_interval_s=5, probe_threshold=1),
        network=Network(allow_http=("Internet",), allow_admin=("127.0.0.1/32",)),
    )


if __name__ == "__main__":
    asyncio.run(_serve())
