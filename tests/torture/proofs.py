"""Kills while a deployment is being proved: verifications and resets are ended with SIGKILL, and run again.

A killed verification has written nothing, and the next one passes. A reset is killed at its steps and at the turns of
its request: then the record says that the credential is uncertain, the next reset proves a new one, and the VM has one
VMAccess extension, not two.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from tests.torture.kills import COUNTED, SPEED, DeadlyArm, connected, forked, imported, killed
from tests.torture.progress import Budget, Progress, open_cases
from wizard.deploy import journey, record
from wizard.plan.model import Auth, Balancer, Machines, Network, Plan
from wizard.sandbox import control

NAME = "proofs"
RESETS = ("asking", "before", "resetting", "sent", "polling", "proving")
VERIFICATIONS = ("waiting", 1, 5, 10, 15, 20, 25)
"""At its first wait, or at the event of that number."""


def cases() -> list[str]:
    """`RESET sent`, `VERIFY 10`, ..., once and again: the second finds what the first has left."""
    turns = [f"RESET {point}" for point in RESETS] + [f"VERIFY {point}" for point in VERIFICATIONS]
    return [f"{turn} {time}" for turn in turns for time in ("once", "again")]


class Turn:
    """When to die: at an event, or at a turn of a request."""

    def __init__(self, point: str) -> None:
        self.point, self.events = point, 0

    def due(self, point: str, _id: str) -> bool:
        return point == self.point

    def tell(self, event: Any) -> None:
        self.events += 1
        if self.point and self.point in (str(self.events), getattr(event, "step", ""), event.event):
            killed()


class Proved:
    """A deployment of one VM, and the password that it had last for certain."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.password = "First-Horse-0"
        self.number = 0
        told = forked(lambda: connected(self._deploy))
        assert told == {}, told

    async def _deploy(self, azure: Any) -> dict[str, Any]:
        plan = Plan(
            name=NAME,
            prefix="web",
            machines=Machines(count=1, auth=Auth.PASSWORD),
            balancer=Balancer(frontend_port=8080, probe_threshold=1),
            network=Network(allow_http=("Internet",), allow_admin=("127.0.0.1/32",)),
        )
        outlook = await journey.look(plan, azure)
        await journey.carry_out(outlook, azure, {"web1": SecretStr(self.password)}, lambda event: None)
        return {}

    async def _verify(self, point: str, azure: Any) -> dict[str, Any]:
        from wizard.verify import balance, verify

        balance.LOAD_S = 0.5
        told = await verify(
            record.load(NAME), azure, password=SecretStr(self.password), wait_s=60, emit=Turn(point).tell
        )
        return {"failed": told.failed}

    async def _reset(self, point: str, new: str, azure: Any) -> dict[str, Any]:
        from wizard.reset import reset

        turn = Turn(point)
        arm: Any = DeadlyArm(azure, turn)  # type: ignore[arg-type]
        known, given = record.load(NAME), {"web1": SecretStr(new)}
        (done,) = await reset(
            known, arm, ["web1"], mode="password", new=given, old=SecretStr(self.password), emit=turn.tell
        )
        listed = [str(item["id"]) for item in await azure.list_group(NAME) or []]
        extensions = [one for one in listed if "/extensions/" in one.lower()]
        return {"state": done.state, "detail": done.detail, "extensions": extensions}

    def run(self, case: str) -> tuple[str, str, Counter[str]]:
        """Kill, go on, judge: the outcome, why, and the counts."""
        verb, point, _ = case.split()
        counts: Counter[str] = Counter()
        mark = self.log.stat().st_size
        if verb == "VERIFY":
            counts["killed"] += forked(lambda: connected(partial(self._verify, point))) is None
            faults = self._whole()
            faults += [f"foreign: a verification wrote {line}" for line in self._writes(mark)]
        else:
            faults = self._killed_reset(point, counts)
        for word in COUNTED[1:]:
            counts[word] += sum(fault.startswith(word) for fault in faults)
        return ("failed" if faults else "survived" if counts["killed"] else "not reached"), "; ".join(faults), counts

    def _killed_reset(self, point: str, counts: Counter[str]) -> list[str]:
        self.number += 1
        died = forked(lambda: connected(partial(self._reset, point, f"Killed-Horse-{self.number}"))) is None
        counts["killed"] += died
        faults, extensions = [], list[str]()
        if died and record.load(NAME).uncertain != ("web1",):
            faults.append("lost: nobody remembers that the credential is uncertain")
        # Which of two passwords holds, nobody knows: the next reset sets one that works and says what it could not
        # prove of the old one; the one after that knows all.
        for number, allowed in enumerate((("proved", "unproved"), ("proved",))):
            new = f"Later-Horse-{self.number}-{number}"
            told = forked(lambda new=new: connected(partial(self._reset, "", new)))  # type: ignore[misc]
            if told is None or told.get("state") not in allowed:
                return [*faults, f"lost: the next reset: {told}"]
            self.password, extensions = new, told["extensions"]
        if record.load(NAME).uncertain:
            faults.append("lost: the credential stays uncertain")
        if len(extensions) != 1:
            faults.append(f"duplicate: {extensions}")
        return faults + self._whole()

    def _whole(self) -> list[str]:
        told = forked(lambda: connected(partial(self._verify, "")))
        return [] if told == {"failed": 0} else [f"lost: the next verification: {told}"]

    def _writes(self, mark: int) -> list[str]:
        with self.log.open("rb") as stream:
            stream.seek(mark)
            lines = [json.loads(line) for line in stream.read().splitlines()]
        return [f"{line['method']} {line['path']}" for line in lines if line["method"] in ("PUT", "PATCH", "DELETE")]


def run(progress: Progress, budget: Budget) -> int:
    imported()
    stand: Proved | None = None
    sums: Counter[str] = Counter()
    try:
        for case in open_cases(progress, cases(), budget):
            stand = stand or Proved(Path(control.start(speed=SPEED)["requests_log"]))
            outcome, why, counts = stand.run(case)
            sums += counts
            progress.keep(case, case.split()[0], outcome, why, **counts)
    finally:
        if stand is not None:
            control.stop()
    sys.stdout.write(f"proofs: {dict(sums)}\n")
    return sum(not progress.has(case) for case in cases())
