"""Causes as pure functions of documents: each fault alone, and what must not be taken for one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

import pytest

from tests.verify.explain.documents import document, facts
from wizard import ids
from wizard.verify.events import CheckDone
from wizard.verify.explain import Facts, explain, gather
from wizard.verify.explain.facts import Source
from wizard.verify.inside import Answer, Inside, Question

RUNNING = {
    "web1": {"statuses": [{"code": "PowerState/running"}], "vmAgent": {"statuses": [{"displayStatus": "Ready"}]}}
}
NO_PAGE = "cloud-init[842]: E: Failed to fetch http://archive/nginx  Could not connect to archive:80, timed out\n" + (
    "cloud-init[842]: ERROR: package_update_upgrade_install\nCloud-init v. 25 finished at Mon\n"
)


def known(**more: Any) -> Facts:
    usual: dict[str, Any] = {"source": Source(IPv4Address("127.0.0.1")), "views": RUNNING}
    return facts(2, **(usual | more))


def causes(of: Facts, name: str, detail: str = "it failed") -> CheckDone:
    return explain(CheckDone(name, "web1", "failed", detail), of)


def test_as_planned_nothing_is_a_cause() -> None:
    healthy = known(health={"web1": (True, "Up")})
    for name in ("balancer.pool", "balancer.probe", "http.page", "ssh.hostkey", "ssh.login", "vm.service"):
        assert causes(healthy, name) == CheckDone(name, "web1", "failed", "it failed")


def configuration(of: Facts) -> dict[str, Any]:
    properties: dict[str, Any] = document(of, "web1-nic")["ipConfigurations"][0]["properties"]
    return properties


def another_pool(of: Facts) -> None:
    pool = configuration(of)["loadBalancerBackendAddressPools"][0]
    pool["id"] = pool["id"].replace("/be", "/other")


def no_pool(of: Facts) -> None:
    del configuration(of)["loadBalancerBackendAddressPools"]


def no_rule(of: Facts) -> None:
    document(of, "web-lb")["loadBalancingRules"].clear()


def no_balancer(of: Facts) -> None:
    assert isinstance(of.documents, dict)
    of.documents[ids.key(of.balancer()[0])] = None


def no_address(of: Facts) -> None:
    del document(of, "web-lb-pip")["ipAddress"]


def no_group(of: Facts) -> None:
    del document(of, "web-vnet")["subnets"][0]["properties"]["networkSecurityGroup"]


def attached_to_the_other(of: Facts) -> None:
    own = configuration(of).pop("loadBalancerInboundNatRules")[0]["id"]
    rule = next(one for one in document(of, "web-lb")["inboundNatRules"] if one["id"] == own)
    nic = of.machines[1].nics[0]
    rule["properties"]["backendIPConfiguration"] = {"id": f"{nic}/ipConfigurations/ipconfig1"}


@pytest.mark.parametrize(
    ("check", "fault", "cause", "detail"),
    [
        ("balancer.pool", another_pool, "rule-to-another-pool", "leads to pool be, and web1 is in other"),
        ("balancer.pool", no_pool, "not-in-pool", "web1 is not in pool be of web-lb; the pool is empty"),
        ("http.page", no_rule, "rule-missing", "web-lb has no load-balancing rule http (its document lists: none)"),
        ("http.page", no_balancer, "balancer-missing", "there is no load balancer"),
        ("ssh.hostkey", no_balancer, "balancer-missing", "there is no load balancer"),
        ("http.page", no_address, "frontend-without-address", "the frontend of rule http has no public address"),
        ("ssh.hostkey", no_group, "nsg-absent", "a Standard balancer is closed until one opens it"),
        ("ssh.hostkey", attached_to_the_other, "nat-rule-detached", "it is attached to web2-nic"),
    ],
)
def test_wiring(check: str, fault: Callable[[Facts], None], cause: str, detail: str) -> None:
    broken = known(health={"web1": (True, "Up")})
    fault(broken)
    told = causes(broken, check)
    assert told.cause == cause
    assert detail in told.detail
    assert told.remedy


def test_a_vm_that_is_gone_could_not_be_made_or_does_not_report() -> None:
    gone = known()
    assert isinstance(gone.documents, dict)
    gone.documents[ids.key(gone.machines[0].id)] = None
    assert causes(gone, "ssh.hostkey").cause == "vm-missing"
    status = {"code": "ProvisioningState/failed/OSProvisioningTimedOut", "message": "OS provisioning did not finish."}
    told = causes(known(views={"web1": {"statuses": [status]}}), "ssh.hostkey")
    assert told.cause == "vm-provisioning-failed"
    assert "OSProvisioningTimedOut: OS provisioning did not finish." in told.detail
    silent = {"statuses": RUNNING["web1"]["statuses"], "vmAgent": {"statuses": [{"displayStatus": "Not Ready"}]}}
    told = causes(known(views={"web1": silent}), "ssh.hostkey")
    assert told.cause == "agent-silent"
    assert "instance view, vmAgent: Not Ready" in told.detail


def test_a_client_behind_nat_is_told_what_cannot_be_told() -> None:
    hidden = known(source=Source(None, "its public address is not known here"))
    rules = document(hidden, "web-nsg")["securityRules"]
    rules[1]["properties"]["sourceAddressPrefix"] = "8.8.8.8/32"
    told = causes(hidden, "ssh.hostkey")
    assert told.cause == "nsg-unknown"
    assert "cannot be told: allow-ssh may match: whether its source 8.8.8.8/32 holds" in told.detail
    stopped = replace(hidden, views={"web1": {"statuses": [{"code": "PowerState/stopped"}]}})
    assert causes(stopped, "ssh.hostkey").cause == "vm-stopped", "what is proved comes alone"


def test_a_group_on_the_interface_counts_and_one_that_cannot_be_read_is_not_guessed() -> None:
    other = known()
    group_id = other.machines[0].nics[0].replace("networkInterfaces/web1-nic", "networkSecurityGroups/own")
    document(other, "web1-nic")["networkSecurityGroup"] = {"id": group_id}
    assert causes(other, "ssh.hostkey").cause == "nsg-unknown"
    assert isinstance(other.documents, dict)
    other.documents[ids.key(group_id)] = {"id": group_id, "name": "own", "properties": {"securityRules": []}}
    told = causes(other, "ssh.hostkey")
    assert told.cause == "nsg-denies"
    assert "rule DenyAllInBound (priority 65500) of own" in told.detail
    assert "az network nsg rule delete" not in told.remedy, "a default rule cannot be deleted"


def cut(of: Facts) -> dict[str, Any]:
    subnet: dict[str, Any] = document(of, "web-vnet")["subnets"][0]["properties"]
    return subnet


def test_the_way_out() -> None:
    def told(change: Callable[[Facts], Any]) -> str:
        of = known(logs={"web1": NO_PAGE})
        change(of)
        return causes(of, "vm.service").cause

    def outbound_rule(of: Facts) -> None:
        del cut(of)["natGateway"]
        pool = document(of, "web-lb")["backendAddressPools"][0]["id"]
        document(of, "web-lb")["outboundRules"] = [{"properties": {"backendAddressPool": {"id": pool}}}]

    def snat(of: Facts) -> None:
        del cut(of)["natGateway"]
        document(of, "web-lb")["loadBalancingRules"][0]["properties"]["disableOutboundSnat"] = False

    def by_default(of: Facts) -> None:
        del cut(of)["natGateway"]
        del cut(of)["defaultOutboundAccess"]

    def denied(of: Facts) -> None:
        properties = {"priority": 100, "direction": "Outbound", "access": "Deny", "protocol": "*"}
        properties |= {"sourceAddressPrefix": "*", "destinationAddressPrefix": "Internet", "destinationPortRange": "*"}
        document(of, "web-nsg")["securityRules"].append({"name": "no-out", "properties": properties})

    assert told(lambda of: cut(of).pop("natGateway")) == "no-outbound"
    assert told(lambda of: document(of, "web-nat").pop("publicIpAddresses")) == "no-outbound"
    assert told(denied) == "nsg-denies-outbound"
    for fine in (lambda of: None, outbound_rule, snat, by_default):
        assert told(fine) == "boot-download"


def test_a_missing_way_out_is_no_cause_of_what_was_installed() -> None:
    of = known(logs={"web1": "nginx: [emerg] unknown directive\n"})
    del cut(of)["natGateway"]
    assert causes(of, "vm.service").cause == "boot-service"


def test_the_workload_asked_from_inside() -> None:
    question = Question("web1", "10.0.1.4", 80)
    refused = Inside("SSH", services={"nginx": "failed"}, answers={question: Answer(0, 7)})
    told = causes(known(inside={"web1": refused}), "balancer.probe")
    assert told.cause == "nobody-listens"
    assert "web1 asked itself, by SSH: port 80 refuses the connection; nginx is failed" in told.detail
    moved = Inside("SSH", answers={question: Answer(301, 0)})
    told = causes(known(inside={"web1": moved}), "http.page")
    assert told.cause == "probe-answer"
    assert "port 80 answers 301" in told.detail
    working = Inside("SSH", cloud_init="running", answers={question: Answer(0, 7)})
    assert causes(known(inside={"web1": working}), "balancer.probe").detail.startswith(
        "it failed, because web1 is still at work on cloud-init (cloud-init status: 'status: running')"
    )


def test_a_machine_that_is_taken_out_by_hand_is_not_looked_into() -> None:
    told = causes(known(health={"web1": (False, "Down: Down_Admin")}), "balancer.probe", "Down: Down_Admin")
    assert told.cause == "admin-down"
    assert "adminState Down" in told.detail
    assert "None" in told.remedy


def test_what_the_health_call_says_is_not_told_twice() -> None:
    reason = "Down: no answer within 5 s"
    down = known(health={"web1": (False, reason)})
    told = causes(down, "balancer.probe", reason)
    assert (told.cause, told.detail) == ("probe-down", reason)
    assert f"finds web1 down (the rule's health call: {reason})" in causes(down, "http.page").detail


def test_a_password_at_a_vm_made_without_them() -> None:
    told = causes(known(), "ssh.login", "azureuser: the password was refused: the server takes only publickey")
    assert told.cause == "password-login-off"
    assert "reset --vm web1 --mode password" in told.remedy
    assert causes(known(), "ssh.login", "somebody: the key was refused").cause == "another-user"
    assert causes(known(), "ssh.login", "azureuser: the key was refused").cause == ""


def test_where_this_computer_comes_from() -> None:
    assert gather.client_source("127.3.4.5").address == IPv4Address("127.0.0.1")
    assert gather.client_source("").address is None
    assert gather.client_source("8.8.8.8").address is None, "a private address is translated, or there is no way"
