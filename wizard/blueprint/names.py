"""What everything is called, and the ids that follow: the one place where a name is made.

Names are a function of the plan's prefix alone, so that a second run, a status or a teardown without any record meets
the same resources.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from wizard import ids
from wizard.plan.model import OsType
from wizard.plan.naming import VNET_SUFFIX

GROUP = "Microsoft.Resources/resourceGroups"
NSG = "Microsoft.Network/networkSecurityGroups"
PUBLIC_IP = "Microsoft.Network/publicIPAddresses"
NAT_GATEWAY = "Microsoft.Network/natGateways"
VNET = "Microsoft.Network/virtualNetworks"
BALANCER = "Microsoft.Network/loadBalancers"
NIC = "Microsoft.Network/networkInterfaces"
AVAILABILITY_SET = "Microsoft.Compute/availabilitySets"
VM = "Microsoft.Compute/virtualMachines"
SCALE_SET = "Microsoft.Compute/virtualMachineScaleSets"
AUTOSCALE = "Microsoft.Insights/autoscalesettings"
STORAGE = "Microsoft.Storage/storageAccounts"
WORKSPACE = "Microsoft.OperationalInsights/workspaces"
COLLECTION_RULE = "Microsoft.Insights/dataCollectionRules"
IDENTITY = "Microsoft.ManagedIdentity/userAssignedIdentities"
EXTENSION = "Microsoft.Compute/virtualMachines/extensions"

DIAGNOSTIC_SETTING = "Microsoft.Network/loadBalancers/providers/diagnosticSettings"

VM_ASSOCIATION = f"{VM}/providers/dataCollectionRuleAssociations"
SCALE_SET_ASSOCIATION = f"{SCALE_SET}/providers/dataCollectionRuleAssociations"

LOCK = "Microsoft.Authorization/locks"

OURS = "multivm-wizard"
"""The name of what hangs on another resource and carries no tags."""

# Inside the balancer's document and the NIC's.
FRONTEND = "fe"
OUTBOUND_FRONTEND = "out"
OUTBOUND_RULE = "out"
POOL = "be"
RULE = "http"
PROBE = "probe"
IP_CONFIGURATION = "ipconfig1"


def nsg(prefix: str) -> str:
    return f"{prefix}-nsg"


def vnet(prefix: str) -> str:
    return f"{prefix}{VNET_SUFFIX}"


def balancer(prefix: str) -> str:
    return f"{prefix}-lb"


def balancer_ip(prefix: str) -> str:
    return f"{prefix}-lb-pip"


def nat_gateway(prefix: str) -> str:
    return f"{prefix}-nat"


def nat_gateway_ip(prefix: str) -> str:
    return f"{prefix}-nat-pip"


def outbound_ip(prefix: str) -> str:
    return f"{prefix}-out-pip"


def availability_set(prefix: str) -> str:
    return f"{prefix}-as"


def scale_set(prefix: str) -> str:
    return f"{prefix}-vmss"


def autoscale(prefix: str) -> str:
    return f"{prefix}-autoscale"


def workspace(prefix: str) -> str:
    """At most 63 characters, which the longest prefix leaves room for."""
    return f"{prefix}-log"


def collection_rule(prefix: str) -> str:
    """What the machines' agents count, and where it goes."""
    return f"{prefix}-dcr"


def agent_identity(prefix: str) -> str:
    """What a scale set's agents sign in with."""
    return f"{prefix}-agent"


def association(of: str) -> str:
    """A machine's or a scale set's, with the rule. It has no tags: ours by how it begins, and each by whose it is."""
    return f"{OURS}-{of}"


def agent_extension(vm: str) -> str:
    return f"{vm}-agent"


def nic(vm: str) -> str:
    return f"{vm}-nic"


def page_extension(vm: str) -> str:
    """What installs the page on a Windows machine. It bears the machine's name: messages name a resource alone."""
    return f"{vm}-page"


def admin_service(os: OsType) -> str:
    """What an administrator signs in by: `ssh`, or `rdp` on Windows."""
    return "rdp" if os == OsType.WINDOWS else "ssh"


def nat_rule(vm: str, os: OsType = OsType.LINUX) -> str:
    """The balancer's rule that leads to one machine's sign-in: `ssh-ra-multi-vm1`."""
    return f"{admin_service(os)}-{vm}"


def nat_range_rule(os: OsType = OsType.LINUX) -> str:
    """The balancer's rule whose range of ports leads to the machines' sign-ins."""
    return admin_service(os)


def diagnostics_account(subscription: str, group: str) -> str:
    """The diagnostics account: unique in the whole world, as far as a digest is, and always the same for a deployment.

    3 to 24 lower-case letters and digits (Microsoft, "Storage account overview").
    """
    return "diag" + hashlib.sha256(f"{subscription}/{group}".lower().encode()).hexdigest()[:20]


def vhd_account(subscription: str, group: str, vm: str) -> str:
    """The account of one machine's VHDs: as legal, as unique and as lasting as the diagnostics account's name."""
    return "vhd" + hashlib.sha256(f"{subscription}/{group}/{vm}".lower().encode()).hexdigest()[:21]


@dataclass(frozen=True)
class Ids:
    """The ids of one deployment's resources, by subscription, resource group and prefix."""

    subscription: str
    group_name: str
    prefix: str

    def _id(self, type: str, *names: str) -> str:
        return ids.resource_id(self.subscription, self.group_name, type, *names)

    @property
    def group(self) -> str:
        return ids.group_id(self.subscription, self.group_name)

    @property
    def nsg(self) -> str:
        return self._id(NSG, nsg(self.prefix))

    @property
    def vnet(self) -> str:
        return self._id(VNET, vnet(self.prefix))

    def subnet(self, name: str) -> str:
        return ids.child_id(self.vnet, "subnets", name)

    @property
    def nat_gateway(self) -> str:
        return self._id(NAT_GATEWAY, nat_gateway(self.prefix))

    @property
    def nat_gateway_ip(self) -> str:
        return self._id(PUBLIC_IP, nat_gateway_ip(self.prefix))

    @property
    def balancer_ip(self) -> str:
        return self._id(PUBLIC_IP, balancer_ip(self.prefix))

    @property
    def balancer(self) -> str:
        return self._id(BALANCER, balancer(self.prefix))

    @property
    def frontend(self) -> str:
        return ids.child_id(self.balancer, "frontendIPConfigurations", FRONTEND)

    @property
    def outbound_ip(self) -> str:
        return self._id(PUBLIC_IP, outbound_ip(self.prefix))

    @property
    def outbound_frontend(self) -> str:
        return ids.child_id(self.balancer, "frontendIPConfigurations", OUTBOUND_FRONTEND)

    @property
    def pool(self) -> str:
        return ids.child_id(self.balancer, "backendAddressPools", POOL)

    @property
    def probe(self) -> str:
        return ids.child_id(self.balancer, "probes", PROBE)

    def nat_rule(self, vm: str, os: OsType) -> str:
        return ids.child_id(self.balancer, "inboundNatRules", nat_rule(vm, os))

    @property
    def diagnostics_account(self) -> str:
        return self._id(STORAGE, diagnostics_account(self.subscription, self.group_name))

    def vhd_account(self, vm: str) -> str:
        return self._id(STORAGE, vhd_account(self.subscription, self.group_name, vm))

    @property
    def workspace(self) -> str:
        return self._id(WORKSPACE, workspace(self.prefix))

    @property
    def diagnostic_setting(self) -> str:
        return f"{self.balancer}/providers/Microsoft.Insights/diagnosticSettings/{OURS}"

    @property
    def collection_rule(self) -> str:
        return self._id(COLLECTION_RULE, collection_rule(self.prefix))

    @property
    def agent_identity(self) -> str:
        return self._id(IDENTITY, agent_identity(self.prefix))

    def association(self, scope: str, of: str) -> str:
        """`scope` is the id of the machine or the scale set, `of` its name."""
        return f"{scope}/providers/Microsoft.Insights/dataCollectionRuleAssociations/{association(of)}"

    @property
    def lock(self) -> str:
        return f"{self.group}/providers/{LOCK}/{OURS}"

    @property
    def availability_set(self) -> str:
        return self._id(AVAILABILITY_SET, availability_set(self.prefix))

    @property
    def scale_set(self) -> str:
        return self._id(SCALE_SET, scale_set(self.prefix))

    @property
    def autoscale(self) -> str:
        return self._id(AUTOSCALE, autoscale(self.prefix))

    def nic(self, vm: str) -> str:
        return self._id(NIC, nic(vm))

    def vm(self, vm: str) -> str:
        return self._id(VM, vm)

    def extension(self, vm: str, name: str) -> str:
        return ids.child_id(self.vm(vm), "extensions", name)
