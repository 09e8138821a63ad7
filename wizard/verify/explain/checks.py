"""Which causes are looked for when a check fails, and how they are told.

Causes are named in the order a connection meets them, and within a machine the most upstream first. What only follows
from another cause is left out: a VM that is deallocated is not also told to have a silent agent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from wizard.verify.events import CheckDone
from wizard.verify.explain import filters, machine, reporting, wiring
from wizard.verify.explain.cause import Cause
from wizard.verify.explain.facts import Facts, properties
from wizard.verify.inside import Answer
from wizard.verify.machines import Machine

EXPLAINED = (
    "balancer.pool", "balancer.probe", "http.page", "http.load", "ssh.hostkey", "ssh.login", "ssh.hostname",
    "rdp.answers", "vm.cloud_init", "vm.service", "vm.uptime", "vm.neighbour", "monitor.guest",
)  # fmt: skip
"""Checks whose failure has a cause outside of themselves."""

OK = 200
OUT = "Down_Admin"
"""Azure's reason for a member that its administrative state takes out (Microsoft, "Manage health status")."""

MOST = 3
"""Causes told of one check; with more, somebody is rebuilding the deployment."""


def explain(check: CheckDone, facts: Facts) -> CheckDone:
    """The check with its causes in `detail`, the first one's kind in `cause`, and what to do in `remedy`."""
    causes = list({(cause.kind, cause.what): cause for cause in of(check, facts)}.values())
    proved = [cause for cause in causes if cause.kind != "nsg-unknown"]
    told = (proved or causes)[:MOST]
    if not told:
        return check
    # The health call's own words are this check's detail already.
    because = "; and ".join(
        str(cause) for cause in told if (check.name, cause.kind) != ("balancer.probe", "probe-down")
    )
    more = f"; and {len(proved) - MOST} more causes" if len(proved) > MOST else ""
    return replace(
        check,
        detail=", because ".join(part for part in (check.detail, f"{because}{more}") if part),
        cause=told[0].kind,
        remedy="\n".join(dict.fromkeys(cause.remedy for cause in told if cause.remedy)),
    )


def of(check: CheckDone, facts: Facts) -> Iterator[Cause]:
    """All causes of one failed check, the most upstream first."""
    asked = next((one for one in facts.machines if one.name == check.target), None)
    if check.name == "http.load":
        yield from _every(facts)
    elif asked is not None:
        match check.name:
            case "balancer.pool":
                yield from wiring.pool(facts, asked)
            case "balancer.probe":
                yield from wiring.frontend(facts)
                yield from _probed(facts, asked)
            case "http.page":
                yield from web(facts, asked)
            case "ssh.hostkey" | "rdp.answers":
                yield from sign_in(facts, asked)
            case "ssh.hostname":
                yield from wiring.nat(facts, asked)
            case "ssh.login":
                yield from login(check, facts, asked)
            case "monitor.guest":
                yield from reporting.guest(facts, asked)
            case "vm.neighbour":
                yield from _inside(facts, asked)
            case _:
                yield from _inside(facts, asked)
                yield from machine.boot(facts, asked)


def web(facts: Facts, asked: Machine) -> Iterator[Cause]:
    """A machine's page does not come through the balancer."""
    yield from wiring.frontend(facts)
    port = _backend_port(facts)
    if port:
        yield from filters.client(facts, asked, port, "network.allow_http")
        yield from _hidden(facts, asked, port)
    yield from _probed(facts, asked)


def _hidden(facts: Facts, asked: Machine, port: int) -> Iterator[Cause]:
    """A TCP probe is content with a connection, so that a machine whose application is dead stays in rotation."""
    probe = properties(facts.probe())
    up, _ = facts.health.get(asked.name, (False, ""))
    own, account = _own_answer(facts, asked, port), facts.inside.get(asked.name)
    if not up or str(probe.get("protocol") or "").lower() != "tcp" or own is None or account is None:
        return
    if own.status == OK:
        return
    stopped = ", ".join(f"{name} is {state}" for name, state in account.services.items() if state != "active")
    yield Cause(
        "probe-blind",
        f"the application of {asked.name} does not answer as it should, and its probe cannot see that",
        f"the probe is TCP on port {probe.get('port')}: whoever accepts a connection counts as healthy, and stays in "
        f"rotation; {asked.name} asked itself, by {account.by}: port {port} {own}{f'; {stopped}' if stopped else ''}",
        'Mend the application, and set balancer.probe_protocol = "http" with a path that it answers with 200.',
    )


def sign_in(facts: Facts, asked: Machine) -> Iterator[Cause]:
    """A machine's SSH or RDP does not answer at its NAT port, or the machine could not be asked who it is."""
    yield from wiring.nat(facts, asked)
    door = facts.door(asked)
    if door is not None:
        yield from filters.client(facts, asked, door.backend_port, "network.allow_admin")
    stopped = list(machine.power(facts, asked))
    yield from stopped
    if stopped:
        return
    yield from machine.agent(facts, asked)
    if door is not None:
        own = _own_answer(facts, asked, door.backend_port)
        yield from machine.workload(facts, asked, own=own, port=door.backend_port, path=None)


def login(check: CheckDone, facts: Facts, asked: Machine) -> Iterator[Cause]:
    """A login was refused; what the VM was made with may tell why."""
    profile = properties(facts.get(asked.id)).get("osProfile") or {}
    linux = profile.get("linuxConfiguration") or {}
    user = check.detail.partition(":")[0]
    reset = f"multivm-wizard reset --vm {asked.name}"
    if linux.get("disablePasswordAuthentication") is True and "the password was refused" in check.detail:
        yield Cause(
            "password-login-off",
            f"{asked.name} was made without password login",
            "its document: disablePasswordAuthentication is true",
            f"Log in with a key (--identity FILE), or turn it on: {reset} --mode password",
        )
    if "was refused" in check.detail and profile.get("adminUsername") not in {None, user}:
        yield Cause(
            "another-user",
            f"{asked.name} was made for the user {profile['adminUsername']}, not for {user}",
            "its document: osProfile.adminUsername",
            f"Correct machines.admin_user, or make the user: {reset} --user {user}",
        )
    if "was refused" not in check.detail:  # the connection ended: the machine, not the credential
        yield from sign_in(facts, asked)


def _probed(facts: Facts, asked: Machine) -> Iterator[Cause]:
    """The probe does not find a machine up, or does not count."""
    if OUT in facts.health.get(asked.name, (False, ""))[1]:
        yield Cause(
            "admin-down",
            f"{asked.name} is out of rotation, whatever its probe finds",
            f"adminState Down in the balancer's pool, {OUT} by the rule's health call",
            "Where its updates are being installed it comes back by itself; else set the Admin state of its entry in "
            "the backend pool to None, in the portal.",
        )
        return
    found = list(wiring.pool(facts, asked))
    yield from found
    probe = properties(facts.probe())
    port = int(probe.get("port") or 0)
    denied = list(filters.probe(facts, asked, port)) if port else []
    yield from denied
    stopped = list(machine.power(facts, asked))
    yield from stopped
    up, reason = facts.health.get(asked.name, (False, ""))
    if stopped or up:
        return
    path = str(probe.get("requestPath") or "/")
    own = _own_answer(facts, asked, port, path)
    http = str(probe.get("protocol") or "").lower() == "http"
    guest = list(machine.boot(facts, asked, listening=own is None or own.connected is not False))
    guest += machine.workload(facts, asked, own=own, port=port, path=path if http else None)
    yield from guest
    if port and not (found or denied or guest):
        yield Cause(
            "probe-down",
            f"the balancer's probe finds {asked.name} down",
            f"the rule's health call: {reason or 'no reason given'}",
            f"See what answers on {asked.name} at port {port} (balancer.backend_port, balancer.probe_path).",
        )


def _inside(facts: Facts, asked: Machine) -> Iterator[Cause]:
    """A machine could not be asked, or what it said is wrong."""
    stopped = list(machine.power(facts, asked))
    yield from stopped
    if not stopped:
        yield from machine.agent(facts, asked)


def _every(facts: Facts) -> Iterator[Cause]:
    """The causes of all machines; those that they share are told once."""
    per_machine: Sequence[list[Cause]] = [list(web(facts, one)) for one in facts.machines]
    yield from _by_turns(per_machine)


def _by_turns(lists: Iterable[list[Cause]]) -> Iterator[Cause]:
    """The first of each, then the second of each: no machine's cause hides behind another's."""
    held = [iter(one) for one in lists]
    while held:
        for one in list(held):
            try:
                yield next(one)
            except StopIteration:
                held.remove(one)


def _backend_port(facts: Facts) -> int:
    return int(properties(facts.rule()).get("backendPort") or 0)


def _own_answer(facts: Facts, asked: Machine, port: int, path: str | None = None) -> Answer | None:
    """What a machine got when it asked its own address."""
    account = facts.inside.get(asked.name)
    for question, answer in account.answers.items() if account is not None else ():
        if question.vm == asked.name and question.port == port and path in {None, question.path}:
            return answer
    return None
