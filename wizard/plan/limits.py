"""Azure's numbers, once: the rules judge by them and the editor's schema shows them.

Source, unless a line names another: Microsoft's "Naming rules and restrictions for Azure resources", "Azure
subscription and service limits" and the REST reference of the resource in question, as of 2026.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Range:
    """A closed range of whole numbers."""

    low: int
    high: int

    def __contains__(self, number: int) -> bool:
        return self.low <= number <= self.high

    def __str__(self) -> str:
        return f"{self.low} to {self.high}"

    @property
    def schema(self) -> dict[str, Any]:
        """The range in JSON Schema's words."""
        return {"minimum": self.low, "maximum": self.high}


GROUP_NAME = Range(1, 90)
VNET_NAME = Range(2, 64)
NETWORK_NAME = Range(1, 80)  # subnets, NSGs, NICs, balancers, public IPs, NAT gateways
VM_NAME = 64  # the resource's name; a Linux computer name may have as many
WINDOWS_COMPUTER_NAME = 15  # NetBIOS

ADMIN_USER_LINUX = 32
ADMIN_USER_WINDOWS = 20
PASSWORD_LINUX = Range(12, 72)  # the portal's and the CLI's; the API alone would take 6
PASSWORD_WINDOWS = Range(12, 123)  # likewise 8
RSA_BITS = 2048

TAGS = 50  # on one resource
TAG_NAME = 512
TAG_VALUE = 256

AVAILABILITY_SET_VMS = Range(1, 200)
SCALE_SET_VMS = Range(1, 1000)  # Flexible orchestration
WINDOWS_INSTANCE_PREFIX = 9  # Azure adds six characters to make an instance's computer name
CPU_PERCENT = Range(1, 99)
AUTOSCALE_WINDOW_MIN = Range(5, 720)  # Microsoft.Insights autoscaleSettings: timeWindow, 5 minutes to 12 hours
AUTOSCALE_COOLDOWN_MIN = Range(1, 10080)  # likewise: cooldown, a minute to a week
REPAIRS_GRACE_MIN = Range(10, 90)  # automaticRepairsPolicy.gracePeriod
FAULT_DOMAINS = Range(1, 3)
UPDATE_DOMAINS = Range(1, 20)

SUBNET_PREFIX = Range(2, 29)
RESERVED_ADDRESSES = 5  # of every subnet: the first four and the last

FRONTEND_PORT = Range(1, 65534)
BACKEND_PORT = Range(1, 65535)
RULE_PRIORITY = Range(100, 4096)
RULES_OF_A_GROUP = 1000
DATA_DISK_GB = Range(1, 32767)  # Premium and Standard SSD, P80 and E80
OS_DISK_GB = Range(1, 4095)
DATA_DISKS = 64  # of the largest sizes; preflight asks the size
NAT_RANGE = Range(1, 1000)  # ours: as many as a scale set has machines; Azure takes up to 65,534
OUTBOUND_PORTS_STEP = 8
SNAT_PORTS = 64000  # of one frontend address
OUTBOUND_PORTS = Range(OUTBOUND_PORTS_STEP, SNAT_PORTS)
SSH_PORT = 22
RDP_PORT = 3389
PROBE_INTERVAL_S = Range(5, 2147483646)  # the upper end is the balancer API's, [M]: from memory
PROBE_THRESHOLD = Range(1, 100)  # the upper end is ARM's own, [M]: from memory
CUSTOM_DATA = 65535  # bytes before base64
