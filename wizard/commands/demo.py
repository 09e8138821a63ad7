"""`demo`: the whole journey in a sandbox of its own, no questions asked, and an account of what was proved.

It works in a folder that it makes and removes, so that no deployment and no sandbox of yours is touched.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wizard.commands import output
from wizard.errors import WizardError

if TYPE_CHECKING:
    from pydantic import SecretStr

    from wizard.azure.clients import Azure
    from wizard.deploy.events import Deployed, Event
    from wizard.deploy.record import Record
    from wizard.plan.model import Plan
    from wizard.reset.events import ResetDone
    from wizard.verify.drill import DrillDone
    from wizard.verify.events import CheckDone, Verified
    from wizard.verify.load import LoadResult

VMS = 2
LOAD_S = 3.0
DRILL_S = 2.0
"""How long the drill watches before and after; users of their own deployments get more."""

WAIT_S = 120.0
UNPRIVILEGED_PORT = 8080


@click.command(short_help="The whole journey in the sandbox, no questions asked.")
@output.json_option
@output.guarded
def command(as_json: bool) -> None:
    """Deploy two VMs behind a balancer into a sandbox, prove that they work and that losing one is survived, reset
    their passwords with proof, and
    destroy everything again. Takes about a minute and leaves nothing behind but its evidence.
    """
    from wizard.home import home

    out = output.Output(as_json)
    kept = home() / "demo" / datetime.now(UTC).strftime("%Y-%m-%dT%H%M%SZ")
    with _home_of_its_own(out):
        failures = output.run(_Journey(out, kept).walk())
    if failures:
        raise WizardError(
            "The demo did not prove what it set out to prove.",
            "; ".join(failures),
            "Run it with --json to see every event.",
        )


@contextmanager
def _home_of_its_own(out: output.Output) -> Iterator[None]:
    """A MULTIVM_HOME for this run; its sandbox is stopped and it is removed at the end, whatever happened."""
    from wizard.commands.sandbox import stop_running

    before = os.environ.get("MULTIVM_HOME")
    folder = Path(tempfile.mkdtemp(prefix="multivm-demo-"))
    os.environ["MULTIVM_HOME"] = str(folder)
    try:
        yield
    finally:
        stop_running()
        out.say("The sandbox is stopped.")
        shutil.rmtree(folder, ignore_errors=True)
        if before is None:
            del os.environ["MULTIVM_HOME"]
        else:
            os.environ["MULTIVM_HOME"] = before


class _Journey:
    """One walk through all steps; keeps what each found for the account at the end."""

    def __init__(self, out: output.Output, kept: Path) -> None:
        self.out = out
        self.kept = kept
        self.began = time.perf_counter()
        self.proved: list[str] = []
        self.failures: list[str] = []

    async def walk(self) -> Sequence[str]:
        """All steps in order; returns what failed. A deployment that was begun is destroyed again in any case."""
        from wizard.deploy import journey, record
        from wizard.reset import passwords

        self._heading("A plan: two Linux VMs behind a load balancer, signed in to with a password")
        async with journey.open_cloud("sandbox") as azure:
            plan = self._plan(azure)
            first = {vm: passwords.generate() for vm in plan.vm_names}
            try:
                deployed = await self._deploy(plan, azure, first)
                known = record.load(plan.name)
                verified = await self._verify(known, azure, first)
                load = await self._load(deployed)
                done = await self._drill(known, azure)
                self._keep(Path(verified.evidence), load, done)
                await self._reset(known, azure, first)
            finally:
                if record.known(plan.name):
                    await self._destroy(record.load(plan.name), azure)
        self._account()
        return self.failures

    def _plan(self, azure: Azure) -> Plan:
        from wizard.plan.model import Auth, Balancer, Machines, Plan

        port = Balancer().frontend_port
        conflict = azure.cloud.frontend_conflict
        if conflict is not None and (why := conflict(port)):
            self._line(f"Port {port} cannot be used here ({why}); the demo takes {UNPRIVILEGED_PORT}.")
            port = UNPRIVILEGED_PORT
        plan = Plan(
            machines=Machines(count=VMS, auth=Auth.PASSWORD),
            balancer=Balancer(frontend_port=port),
        )
        machines = plan.machines
        self._line(f"{machines.count} × {machines.size} with {machines.image} in {plan.location}, {plan.cloud}")
        return plan

    async def _deploy(self, plan: Plan, azure: Azure, passwords: dict[str, SecretStr]) -> Deployed:
        from wizard.deploy import journey

        self._heading("Deploy through the Azure SDKs")
        outlook = await journey.look(plan, azure)
        deployed = await journey.carry_out(outlook, azure, passwords, self._tell)
        self._line(f"✓ {deployed.resources} resources in {deployed.seconds:.1f} s; the page is at {deployed.http}/")
        self.proved.append(f"{deployed.resources} resources were deployed in {deployed.seconds:.1f} s")
        return deployed

    async def _verify(self, known: Record, azure: Azure, passwords: dict[str, SecretStr]) -> Verified:
        from wizard.verify import verify

        self._heading("Verify: what Azure says, what the network does, who answers")
        told = _Checks()
        verified = await verify(
            known, azure, password=passwords, wait_s=WAIT_S, emit=lambda e: self._tell(told.note(e))
        )
        for line in told.lines():
            self._line(line)
        checks = verified.passed + verified.failed + verified.warned + verified.skipped
        self._judge(not verified.failed, f"{verified.passed} of {checks} checks passed, {verified.failed} failed")
        return verified

    async def _load(self, deployed: Deployed) -> LoadResult:
        from wizard.verify import load

        self._heading(f"HTTP load through the balancer, {LOAD_S:.0f} s, each request on a connection of its own")
        result = await load.run(f"{deployed.http}/", duration_s=LOAD_S, connections=20, vms=tuple(deployed.ssh))
        self.out.data(result.as_event())
        self._line(
            f"{result.requests} requests, {result.rps:.0f}/s, {result.errors} errors; "
            f"p50 {result.p50_ms:.1f} ms, p99 {result.p99_ms:.1f} ms"
        )
        for vm, count in sorted(result.by_vm.items()):
            self._line(f"{vm:<16}{count / max(1, result.requests):7.1%}")
        self._judge(
            result.vms == len(deployed.ssh) and not result.errors,
            f"{result.vms} VMs answered {result.requests} requests with {result.errors} errors",
        )
        return result

    async def _drill(self, known: Record, azure: Azure) -> DrillDone:
        from wizard.verify.drill import drill

        self._heading(f"Failover drill: {known.plan.vm_names[0]} is stopped under load, and brought back")
        done = await drill(known, azure, before_s=DRILL_S, after_s=DRILL_S, emit=self._tell)
        seen = "never" if done.detected_s is None else f"after {done.detected_s:.1f} s"
        self._line(
            f"{done.failed} of {done.requests} requests failed; {done.connections['survived']} connections went on"
        )
        self._judge(
            done.survived,
            f"losing a VM was survived: out of rotation {seen} ({done.expected_detection_s:g} s promised), "
            f"no request failed afterwards"
            if done.survived
            else f"losing a VM was not survived: {'; '.join(done.why)}",
        )
        return done

    def _keep(self, evidence_folder: Path, load: LoadResult, done: DrillDone) -> None:
        """Put everything into one report, where it outlasts this run's own home."""
        from wizard.verify import evidence

        evidence.add(evidence_folder, loads=[load], drill=done)
        self.kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copytree(evidence_folder, self.kept)

    async def _reset(self, known: Record, azure: Azure, before: dict[str, SecretStr]) -> Sequence[ResetDone]:
        from wizard.reset import passwords, reset

        self._heading("Reset every VM's password, and prove it by logging in")
        new = {vm: passwords.generate() for vm in before}
        results = await reset(
            known,
            azure,
            list(before),
            mode="password",
            user=known.plan.machines.admin_user,
            new=new,
            old=before,
            emit=self._tell,
        )
        proved = [done for done in results if done.state == "proved"]
        self._judge(
            len(proved) == len(before),
            f"{len(proved)} of {len(before)} resets proved: the new password works, the old one is refused",
        )
        return results

    async def _destroy(self, known: Record, azure: Azure) -> None:
        from wizard import ids
        from wizard.deploy import journey

        self._heading("Destroy everything that was created")
        deleted = await journey.destroy(known, azure, self._tell)
        gone = await azure.get(ids.group_id(known.subscription, known.name)) is None
        self._judge(gone, f"{deleted} resources deleted; Azure knows the resource group no more")

    def _judge(self, good: bool, fact: str) -> None:
        self._line(f"{'✓' if good else '✗'} {fact}")
        (self.proved if good else self.failures).append(fact)

    def _account(self) -> None:
        seconds = time.perf_counter() - self.began
        self._heading(f"What was proved, in {seconds:.0f} s")
        for fact in self.proved:
            self._line(f"✓ {fact}")
        for fact in self.failures:
            self._line(f"✗ {fact}")
        self.out.data({"event": "demo", "seconds": round(seconds, 1), "proved": self.proved, "failed": self.failures})

    def _tell(self, event: Event | None) -> None:
        if event is None:
            return
        if self.out.json:
            self.out.data(event.as_event())
        elif line := _line_of(event):
            self._line(line)

    def _heading(self, text: str) -> None:
        if not self.out.json:
            click.echo(f"\n{text}")
            sys.stdout.flush()

    def _line(self, text: str) -> None:
        if not self.out.json:
            click.echo(f"  {text}")
            sys.stdout.flush()


SIGNS = {"passed": "✓", "failed": "✗", "warned": "!", "skipped": "-"}


class _Checks:
    """Checks that passed, a line for all of one kind; the others are told one by one."""

    def __init__(self) -> None:
        self._passed: dict[str, list[CheckDone]] = {}

    def note(self, event: Event) -> Event:
        from wizard.verify.events import CheckDone

        if isinstance(event, CheckDone) and event.state == "passed":
            self._passed.setdefault(event.name, []).append(event)
        return event

    def lines(self) -> Iterator[str]:
        for name, checks in self._passed.items():
            count = "" if len(checks) == 1 else f"{len(checks)} times; "
            yield f"✓ {name:<20}{count}{checks[-1].target}: {checks[-1].detail}"


def _line_of(event: Event) -> str | None:
    """What a reader of the account wants of an event; most say too much."""
    from wizard.deploy.events import ResourceChanged
    from wizard.reset.events import ResetDone
    from wizard.verify.drill.events import Mark
    from wizard.verify.events import CheckDone

    match event:
        case ResourceChanged(state="done"):
            return f"✓ {event.id.rsplit('/', 1)[-1]:<32}{event.seconds or 0:5.1f} s"
        case ResourceChanged(state="failed"):
            return f"✗ {event.id.rsplit('/', 1)[-1]}: {event.why}"
        case CheckDone() if event.state != "passed":
            return f"{SIGNS[event.state]} {event.name:<20}{event.target}: {event.detail}"
        case Mark():
            return f"{event.at:6.1f} s  {event.what}"
        case ResetDone():
            refused = "old login refused" if event.old_login_refused else "old login not shown to be refused"
            works = "new login works" if event.new_login else "new login does not work"
            return f"{'✓' if event.state == 'proved' else '✗'} {event.vm}: {event.state}; {works}, {refused}"
    return None
