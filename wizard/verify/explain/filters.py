"""Causes in network security groups: who is kept out, by which rule, and what was passed over before it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wizard import ids
from wizard.verify.explain import nsg
from wizard.verify.explain.cause import Cause
from wizard.verify.explain.facts import Facts
from wizard.verify.explain.nsg import End, Verdict
from wizard.verify.machines import Machine

INTERNET = End(None, frozenset())
"""Any address outside: what a machine talks to when it fetches its packages."""

FIRST_PRIORITY = 100
"""The least that Azure takes: nothing can be put before it."""

WEB_PORTS = (80, 443)
"""Package archives: Ubuntu's and Debian's over http, others over https."""


def client(facts: Facts, machine: Machine, port: int, plan_key: str) -> Iterator[Cause]:
    """This computer is kept out from a machine's port. `plan_key` is where the plan says who may come."""
    configuration = facts.main(machine)
    if configuration is None:
        return
    source = End(facts.source.address)
    verdict = facts.verdict(configuration, source, port)
    if verdict.access == "allow":
        return
    here = str(source) if facts.source.address is not None else facts.source.why
    if verdict.access == "unknown":
        yield Cause(
            "nsg-unknown",
            f"whether the network security group lets this computer in at port {port} cannot be told: {verdict.why}",
            here if facts.source.address is None else _proof(verdict),
            f"Compare the address you come from with {plan_key}, or look at the rule in the portal.",
        )
        return
    if not verdict.rule:
        yield Cause("nsg-absent", verdict.why, f"neither the subnet nor the interface has one; {here}", _ATTACH)
        return
    yield Cause(
        "nsg-denies",
        f"the network security group {verdict.group} denies {here} at port {port}",
        _proof(verdict),
        _remedy(facts, verdict, f"allow the address you come from at port {port} ({plan_key})"),
    )


def probe(facts: Facts, machine: Machine, port: int) -> Iterator[Cause]:
    """The balancer's health probe is kept out."""
    configuration = facts.main(machine)
    if configuration is None:
        return
    verdict = facts.verdict(configuration, End(nsg.PLATFORM), port)
    if verdict.access == "deny":
        yield Cause(
            "nsg-denies-probe",
            f"the network security group {verdict.group} denies the health probe at port {port}",
            f"probes come from {nsg.PLATFORM}; {_proof(verdict)}",
            _remedy(facts, verdict, "allow the service tag AzureLoadBalancer"),
        )


def outbound(facts: Facts, machine: Machine, ports: Sequence[int] = WEB_PORTS) -> Iterator[Cause]:
    """What leaves for one of these ports of the Internet is denied."""
    configuration = facts.main(machine)
    if configuration is None:
        return
    for port in ports:
        verdict = facts.verdict(configuration, INTERNET, port, direction="Outbound")
        if verdict.access == "deny":
            yield Cause(
                "nsg-denies-outbound",
                f"the network security group {verdict.group} denies what leaves for the Internet at port {port}",
                _proof(verdict),
                _remedy(facts, verdict, f"allow outbound to the tag Internet at port {port}"),
            )
            return


_ATTACH = "Deploy the plan again: its group is attached to the subnet (network.allow_http, network.allow_admin)."


def _proof(verdict: Verdict) -> str:
    # The rules that were passed over for their port alone tell nothing to a person.
    telling = [str(one) for one in verdict.passed_over if not one.why.startswith("it is for")]
    passed = f"; passed over: {', '.join(telling[:4])}" if telling else ""
    return f"{verdict.decided_by}{passed}"


def _remedy(facts: Facts, verdict: Verdict, instead: str) -> str:
    wanted = f"Remove the rule {verdict.rule}"
    if verdict.priority > FIRST_PRIORITY:
        wanted += f", or {instead} at a priority below {verdict.priority}"
    same = (str(one.get("id")) for one in facts.documents.values() if one and one.get("name") == verdict.group)
    group_id = next(same, "")
    default = verdict.priority >= 65000
    if default or not group_id:
        return f"{instead[0].upper()}{instead[1:]} and deploy the plan again."
    group = ids.parse(group_id).group
    return f"{wanted}: az network nsg rule delete -g {group} --nsg-name {verdict.group} -n {verdict.rule}"
