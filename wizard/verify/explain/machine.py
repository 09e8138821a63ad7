"""Causes in the machine itself, from the outside in: power, agent, the way out, the boot, the workload."""

from __future__ import annotations

from collections.abc import Iterator

from wizard import ids
from wizard.verify import health
from wizard.verify.explain import filters, serial
from wizard.verify.explain.cause import Cause
from wizard.verify.explain.facts import Document, Facts, items, pools_of, properties, reference, references
from wizard.verify.explain.serial import Finding
from wizard.verify.inside import REFUSED, Answer
from wizard.verify.machines import Machine

_WAIT = "Wait for it: multivm-wizard verify --wait 600"


def power(facts: Facts, machine: Machine) -> Iterator[Cause]:
    """It is not there, not running, or could not be made."""
    if ids.key(machine.id) in facts.documents and facts.get(machine.id) is None:
        yield Cause("vm-missing", f"there is no VM {machine.name}", "ARM answers 404 for it", "Deploy the plan again.")
        return
    state = facts.power(machine)
    if state and state != "running":
        start = f"az vm start -g {machine.group} -n {machine.name}"
        moving = state in {"starting", "stopping", "deallocating"}
        yield Cause(
            f"vm-{state}",
            f"{machine.name} is {state}",
            f"instance view: PowerState/{state}",
            _WAIT if state == "starting" else f"{'When it has stopped, start' if moving else 'Start'} it: {start}",
        )
    for status in facts.views.get(machine.name, {}).get("statuses") or ():
        code = str(status.get("code") or "")
        if code.lower().startswith("provisioningstate/failed"):
            yield Cause(
                "vm-provisioning-failed",
                f"Azure could not provision {machine.name}",
                f"instance view: {code}: {status.get('message') or status.get('displayStatus') or ''}".rstrip(": "),
                "Look at the VM's boot diagnostics; then delete the VM and deploy the plan again.",
            )


def agent(facts: Facts, machine: Machine) -> Iterator[Cause]:
    """The VM agent does not report, so that Run Command and extensions get no answer."""
    view = facts.views.get(machine.name)
    if view is None or health.agent_ready(view):
        return
    statuses = (view.get("vmAgent") or {}).get("statuses") or ()
    told = ", ".join(str(one.get("displayStatus") or one.get("message") or "") for one in statuses) or "nothing"
    yield Cause(
        "agent-silent",
        f"the VM agent of {machine.name} does not report",
        f"instance view, vmAgent: {told}",
        f"{_WAIT}. If it stays so, look at the serial log, and whether the VM has a way out.",
    )


def boot(facts: Facts, machine: Machine, *, listening: bool = True) -> Iterator[Cause]:
    """What the serial log proves, after the missing way out that explains it.

    `listening`: whether what was asked for listens; if it does not, a missing way out is told without a log, too.
    """
    log = facts.logs.get(machine.name)
    finding = serial.read(log) if log else None
    if finding is None and facts.inside.get(machine.name) is not None:
        finding = _by_itself(facts, machine)
    fetches = finding is not None and finding.kind in {"download", "running"}
    if fetches or not listening:
        yield from no_way_out(facts, machine)
        yield from filters.outbound(facts, machine)
    if finding is not None:
        yield _boot_cause(machine, finding, "its serial log" if log and serial.read(log) else "cloud-init status")


def _by_itself(facts: Facts, machine: Machine) -> Finding | None:
    """What `cloud-init status` says, where the log says nothing."""
    own = facts.inside[machine.name]
    if own.cloud_init == "error":
        return Finding("script", own.cloud_init_errors[0] if own.cloud_init_errors else "status: error")
    if own.cloud_init in {"running", "not started"}:
        return Finding("running", f"status: {own.cloud_init}")
    return None


RDP_PORT = 3389
_RESTART_SSH = "RunShellScript --scripts 'systemctl restart ssh'"

_BOOT_CAUSES = {
    "kernel": ("does not boot", "Look at the serial console in the portal, and at machines.image."),
    "user-data": ("cannot read its cloud-init file", "Correct the file that machines.workload names; deploy anew."),
    "download": (
        "could not download what it should install",
        "Give it a way out (network.outbound), then run again: sudo cloud-init clean --reboot",
    ),
    "package": ("could not install a package", "Correct the packages of the cloud-init file (machines.workload)."),
    "service": ("could not start a service", "Correct the service's configuration (machines.workload)."),
    "script": ("did not get through cloud-init", "See /var/log/cloud-init-output.log on it (machines.workload)."),
    "running": ("is still at work on cloud-init", _WAIT),
}


def _boot_cause(machine: Machine, finding: Finding, where: str) -> Cause:
    what, remedy = _BOOT_CAUSES[finding.kind]
    kind = "cloud-init-running" if finding.kind == "running" else f"boot-{finding.kind}"
    return Cause(kind, f"{machine.name} {what}", f"{where}: {finding.line!r}", remedy)


def no_way_out(facts: Facts, machine: Machine) -> Iterator[Cause]:
    """Its subnet is private, and it has neither a NAT gateway, nor an outbound rule, nor an address of its own."""
    configuration = facts.main(machine)
    if configuration is None:
        return
    network, subnet = facts.subnet(configuration)
    facts_of = properties(subnet)
    # Only an explicit `false` proves a private subnet: what is left out depends on when the network was made.
    if subnet is None or facts_of.get("defaultOutboundAccess") is not False:
        return
    if reference(properties(configuration.item).get("publicIPAddress")):
        return
    gateway_key = reference(facts_of.get("natGateway"))
    gateway = facts.documents.get(gateway_key)
    if gateway_key and (gateway is None or references(properties(gateway).get("publicIpAddresses"))):
        return
    if gateway is not None and references(properties(gateway).get("publicIpPrefixes")):
        return
    balancer = facts.balancer()[1]
    if set(configuration.pools) & _pools_with_snat(balancer):
        return
    why = f"NAT gateway {gateway.get('name')} has no address" if gateway is not None else "no NAT gateway"
    yield Cause(
        "no-outbound",
        f"{machine.name} has no way to the Internet",
        f"subnet {subnet.get('name')} of {(network or {}).get('name')}: defaultOutboundAccess false, {why}; "
        "no outbound rule, no SNAT on the rule",
        'Set network.outbound = "nat-gateway" and deploy the plan again.',
    )


def _pools_with_snat(balancer: Document | None) -> set[str]:
    found = {reference(properties(one).get("backendAddressPool")) for one in items(balancer, "outboundRules")}
    for rule in items(balancer, "loadBalancingRules"):
        if properties(rule).get("disableOutboundSnat") is not True:
            found |= set(pools_of(rule))
    return found - {""}


def workload(facts: Facts, machine: Machine, *, own: Answer | None, port: int, path: str | None) -> Iterator[Cause]:
    """What the machine itself sees when it asks its own port (`own`, None when it was not asked).

    `path` is what an HTTP probe asks for there, None where a connection is all that counts.
    """
    account = facts.inside.get(machine.name)
    if own is None or account is None:
        return
    proof = f"{machine.name} asked itself, by {account.by}: port {port} {own}"
    if own.exit == REFUSED:
        stopped = ", ".join(f"{name} is {state}" for name, state in account.services.items() if state != "active")
        served = int(properties(facts.rule()).get("backendPort") or 0)
        aside = f"; the rule leads to port {served}" if path is not None and served and served != port else ""
        yield Cause(
            "nobody-listens",
            f"nothing listens on port {port} of {machine.name}",
            f"{proof}{f'; {stopped}' if stopped else ''}{aside}",
            "Start the workload there, or let balancer.backend_port name the port it listens on."
            if path is not None
            else f"Start the server there; Run Command reaches the VM without it: az vm run-command invoke -g "
            f"{machine.group} -n {machine.name} --command-id "
            + ("RunPowerShellScript --scripts 'Restart-Service TermService'" if port == RDP_PORT else _RESTART_SSH),
        )
    elif path is not None and own.connected and own.status != 200:
        yield Cause(
            "probe-answer",
            f"the probe asks {path} and cannot succeed: exactly 200 counts",
            proof,
            "Set balancer.probe_path to a path that answers 200 without a login, or let the workload answer it.",
        )
