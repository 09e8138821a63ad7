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
    from wizard.verify.events import Verified
    from wizard.verify.load import LoadResult

VMS = 2
LOAD_S = 5.0
WAIT_S = 120.0
UNPRIVILEGED_PORT = 8080


@click.command(short_help="The whole journey in the sandbox, no questions asked.")
@output.json_option
@output.guarded
def command(as_json: bool) -> None:
    """Deploy two VMs behind a balancer into a sandbox, prove that they work, reset their passwords with proof, and
    destroy everything again. Takes about half a minute and leaves nothing behind.
    """
    out = output.Output(as_json)
    with _home_of_its_own(out):
        failures = output.run(_Journey(out).walk())
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

    def __init__(self, out: output.Output) -> None:
        self.out = out
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
                await self._verify(known, azure, first)
                await self._load(deployed)
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
        verified = await verify(known, azure, password=passwords, wait_s=WAIT_S, emit=self._tell)
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

    def _tell(self, event: Event) -> None:
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


def _line_of(event: Event) -> str | None:
    """What a reader of the account wants of an event; most say too much."""
    from wizard.deploy.events import ResourceChanged
    from wizard.reset.events import ResetDone
    from wizard.verify.events import CheckDone

    signs = {"passed": "✓", "failed": "✗", "warned": "!", "skipped": "-"}
    match event:
        case ResourceChanged(state="done"):
            return f"✓ {event.id.rsplit('/', 1)[-1]:<32}{event.seconds or 0:5.1f} s"
        case ResourceChanged(state="failed"):
            return f"✗ {event.id.rsplit('/', 1)[-1]}: {event.why}"
        case CheckDone():
            return f"{signs[event.state]} {event.name:<20}{event.target}: {event.detail}"
        case ResetDone():
            refused = "old login refused" if event.old_login_refused else "old login not shown to be refused"
            works = "new login works" if event.new_login else "new login does not work"
            return f"{'✓' if event.state == 'proved' else '✗'} {event.vm}: {event.state}; {works}, {refused}"
    return None
