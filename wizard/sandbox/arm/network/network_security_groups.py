"""Network security groups and their rules."""

from __future__ import annotations

import ipaddress
import re
from typing import Any, ClassVar

from wizard.sandbox.arm.errors import ArmError
from wizard.sandbox.arm.kind import Call, Child, Durations
from wizard.sandbox.arm.network.references import References
from wizard.sandbox.arm.network.resource import NetworkKind, choice
from wizard.sandbox.store import Document, Json

_TAG = re.compile(r"[A-Za-z][\w.]*")
_DEFAULTS = (
    (
        "AllowVnetInBound",
        "Allow inbound traffic from all VMs in VNET",
        65000,
        "Inbound",
        "Allow",
        "VirtualNetwork",
        "VirtualNetwork",
    ),
    (
        "AllowAzureLoadBalancerInBound",
        "Allow inbound traffic from azure load balancer",
        65001,
        "Inbound",
        "Allow",
        "AzureLoadBalancer",
        "*",
    ),
    ("DenyAllInBound", "Deny all inbound traffic", 65500, "Inbound", "Deny", "*", "*"),
    (
        "AllowVnetOutBound",
        "Allow outbound traffic from all VMs to all VMs in VNET",
        65000,
        "Outbound",
        "Allow",
        "VirtualNetwork",
        "VirtualNetwork",
    ),
    (
        "AllowInternetOutBound",
        "Allow outbound traffic from all VMs to Internet",
        65001,
        "Outbound",
        "Allow",
        "*",
        "Internet",
    ),
    ("DenyAllOutBound", "Deny all outbound traffic", 65500, "Outbound", "Deny", "*", "*"),
)


class NetworkSecurityGroups(NetworkKind):
    type = "Microsoft.Network/networkSecurityGroups"
    durations = Durations(create=4, update=4, delete=4)
    children = (Child("securityRules", "securityRules"), Child("defaultSecurityRules", "defaultSecurityRules", False))
    computed: ClassVar = {"": ("defaultSecurityRules", "subnets", "networkInterfaces", "flowLogs")}

    def validate(self, call: Call, body: Json, existing: Document | None) -> None:
        super().validate(call, body, existing)
        taken: dict[tuple[str, int], str] = {}
        for rule in body["properties"].get("securityRules") or ():
            name, facts = rule["name"], rule.setdefault("properties", {})
            by = f"{call.id}/securityRules/{name}"
            choice(facts, "protocol", ("*", "Tcp", "Udp", "Icmp", "Esp", "Ah"), by)
            choice(facts, "access", ("Allow", "Deny"), by)
            direction = choice(facts, "direction", ("Inbound", "Outbound"), by)
            priority = facts.get("priority")
            if not isinstance(priority, int) or not 100 <= priority <= 4096:
                raise ArmError(
                    400,
                    "SecurityRuleInvalidPriority",
                    f"Security rule {name} has invalid Priority. Value provided: {priority} Allowed range 100-4096.",
                )
            if other := taken.get((direction, priority)):
                raise ArmError(
                    400,
                    "SecurityRuleConflict",
                    f"Security rule {other} conflicts with rule {name}. Rules cannot have the same Priority "
                    "and Direction.",
                )
            taken[direction, priority] = name
            for side in ("source", "destination"):
                _check_side(name, side, facts)

    def represent(self, call: Call, body: Json, existing: Document | None) -> Json:
        represented = super().represent(call, body, existing)
        properties = represented["properties"]
        for rule in properties["securityRules"]:
            for key in ("AddressPrefixes", "PortRanges"):
                rule["properties"].setdefault(f"source{key}", [])
                rule["properties"].setdefault(f"destination{key}", [])
        properties["defaultSecurityRules"] = [self._default(call.id, row) for row in _DEFAULTS]
        return represented

    def _default(self, group: str, row: tuple[str, str, int, str, str, str, str]) -> Json:
        name, about, priority, direction, access, source, destination = row
        facts: Json = {"description": about, "protocol": "*", "access": access}
        facts.update({"priority": priority, "direction": direction})
        for side, prefix in (("source", source), ("destination", destination)):
            facts.update({f"{side}PortRange": "*", f"{side}PortRanges": []})
            facts.update({f"{side}AddressPrefix": prefix, f"{side}AddressPrefixes": []})
        where = "defaultSecurityRules"
        return {"id": f"{group}/{where}/{name}", "name": name, "type": f"{self.type}/{where}", "properties": facts}

    def link(self, document: Document, properties: Json, uses: References) -> None:
        found = uses.to(document.id, via="networkSecurityGroup")
        for key, kind in (("subnets", "virtualnetworks"), ("networkInterfaces", "networkinterfaces")):
            if users := [{"id": use.by} for use in found if use.kind == kind]:
                properties[key] = users

    def check_delete(self, call: Call, document: Document) -> None:
        shown: Json = self.show(document)["properties"]
        users = [user["id"] for key in ("subnets", "networkInterfaces") for user in shown.get(key, ())]
        if users:
            raise ArmError(
                400,
                "InUseNetworkSecurityGroupCannotBeDeleted",
                f"Network security group {document.id} cannot be deleted because it is in use by the following "
                f"resources: {', '.join(users)}. In order to delete the Network security group, remove the association "
                "with the resource(s). To learn how to do this, see aka.ms/deletensg.",
            )


def _check_side(rule: str, side: str, facts: Json) -> None:
    """Each end has addresses and ports, in the one form or in the other."""
    prefixes = _one_of(
        rule, facts, f"{side}AddressPrefix", f"{side}AddressPrefixes", f"{side}ApplicationSecurityGroups"
    )
    ports = _one_of(rule, facts, f"{side}PortRange", f"{side}PortRanges")
    for prefix in prefixes:
        if not _is_prefix(prefix):
            raise ArmError(
                400,
                "SecurityRuleInvalidAddressPrefix",
                f"Security rule {rule} has invalid Address prefix. Value provided: {prefix}",
            )
    for port in ports:
        if not _is_range(port):
            raise ArmError(
                400,
                "SecurityRuleInvalidPortRange",
                f"Security rule {rule} has invalid Port range. Value provided: {port}. Value should be an integer OR "
                "integer range with '-' delimiter. Valid range 0-65535.",
            )


def _one_of(rule: str, facts: Json, single: str, several: str, other: str = "") -> list[Any]:
    one, many = facts.get(single), facts.get(several) or []
    if one not in (None, "") and many:
        raise ArmError(
            400,
            "SecurityRuleParameterContainsBothSingularAndPlural",  # code from memory
            f"Security rule {rule} has both {single} and {several}; only one of them can be given.",
        )
    if one in (None, "") and not many and not (other and facts.get(other)):
        raise ArmError(400, "SecurityRuleParameterRequired", f"Required security rule parameter is missing: {single}.")
    return [one] if one not in (None, "") else list(many)


def _is_prefix(prefix: object) -> bool:
    if not isinstance(prefix, str):
        return False
    if prefix == "*" or _TAG.fullmatch(prefix):
        return True
    try:
        ipaddress.ip_network(prefix, strict=False)
    except ValueError:
        first, _, last = prefix.partition("-")
        try:
            return int(ipaddress.ip_address(first)) <= int(ipaddress.ip_address(last))
        except ValueError:
            return False
    return True


def _is_range(port: object) -> bool:
    if port == "*":
        return True
    parts = str(port).split("-")
    if len(parts) > 2 or not all(part.isascii() and part.isdigit() for part in parts):
        return False
    return 0 <= int(parts[0]) <= int(parts[-1]) <= 65535
