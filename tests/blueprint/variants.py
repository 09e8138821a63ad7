"""Plans that together go every way through the blueprint, and their graphs as `graphs/NAME.yaml` holds them.

A graph is a function of its plan, so what is sent to Azure changes only on purpose: then
`python -m tests.blueprint.variants`, and read the difference. What travels encoded is kept as the text it is.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.plan.strategies import ED25519, WORKSPACE
from wizard import blueprint
from wizard.blueprint import names
from wizard.blueprint.resource import Blueprint
from wizard.plan.model import Plan

FOLDER = Path(__file__).with_name("graphs")
FILES = Path(__file__).with_name("files")
SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
IMAGES = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute"
IMAGE, GALLERY = f"{IMAGES}/images/i", f"{IMAGES}/galleries/mine/images/a/versions/1.0.0"
RULES = [
    {"name": "scanner", "priority": 100, "source": ["203.0.113.0/25", "203.0.113.128/25"], "ports": ["80", "443"]},
    {"name": "some", "priority": 110, "protocol": "udp", "source": ["10.0.0.0/8", "192.0.2.1"], "ports": ["*", "53"]},
    {"name": "tag", "priority": 300, "protocol": "any", "source": ["VirtualNetwork"], "access": "allow"},
    {"name": "out", "priority": 300, "direction": "outbound", "protocol": "icmp", "destination": ["192.0.2.7/32"]},
]
WINDOWS = {"os": "windows", "image": "windows-2022", "auth": "password"}

VARIANTS: Mapping[str, dict[str, Any]] = {
    "plain": {"machines": {"count": 1}},
    "linux": {
        "cloud": "public",
        "name": "Group_1",
        "location": "northeurope",
        "prefix": "web",
        "tags": {"env": "test", "Cost": "42"},
        "machines": {
            "size": "Standard_B2ats_v2",
            "fault_domains": 3,
            "update_domains": 7,
            "admin_user": "ops",
            "ssh_key": f" {ED25519} \n",
            "os_disk": "StandardSSD_LRS",
            "os_disk_caching": "read-only",
            "os_disk_gb": 64,
            "data_disks": [{"size_gb": 8}, {"size_gb": 16, "type": "StandardSSD_LRS", "caching": "read-write"}],
            "encryption_at_host": True,
            "security_type": "standard",
        },
        "network": {
            "address_space": "172.16.0.0/16",
            "subnet_name": "front",
            "subnet": "172.16.3.0/24",
            "allow_http": ["Internet", "10.0.0.0/9", "internet", "10.128.0.0/9", "AzureCloud.westeurope"],
            "allow_admin": ["198.51.100.7/32", "192.0.2.0/24"],
            "rules": RULES,
            "outbound": "outbound-rule",
            "outbound_ports": 2048,
        },
        "balancer": {
            "dns_label": "web-1",
            "frontend_port": 8080,
            "backend_port": 8000,
            "probe_path": "//healthz//deep;x?y=1?z",
            "probe_interval_s": 7,
            "probe_threshold": 3,
            "nat": "range",
            "nat_first_port": 40000,
            "nat_range": 20,
        },
        "diagnostics": {
            "boot": False,
            "storage_account": True,
            "workspace": "new",
            "health_events": True,
            "guest_metrics": True,
        },
        "management": {"lock": "delete", "patching": "image", "keep_disks": True},
    },
    "zones": {
        "cloud": "china",
        "existing_group": True,
        "machines": {"count": 3, "placement": "zones", "zones": ["1", "3"], "auth": "password", "image": "rhel-9"},
        "network": {"outbound": "outbound-rule", "outbound_address": "balancer"},
        "balancer": {"probe_protocol": "tcp", "backend_port": 9100, "probe_path": ""},
        "diagnostics": {"workspace": WORKSPACE, "metrics": True},
        "management": {"lock": "delete"},
    },
    "own-image": {
        "machines": {"count": 1, "image": GALLERY, "ssh_key": ED25519, "workload": "none"},
        "network": {"outbound": "none"},
        "diagnostics": {"storage_account": True, "metrics": True},
    },
    "own-page": {"machines": {"count": 1, "image": IMAGE}, "balancer": {"probe_path": "/Live", "backend_port": 9100}},
    "own-file": {"machines": {"count": 1, "image": "debian-12", "workload": str(FILES / "own.yaml")}},
    "own-script": {"machines": {"count": 1, "image": "rhel-9", "workload": str(FILES / "own.sh")}},
    "windows": {
        "machines": {**WINDOWS, "size": "Standard_D2s_v5"},
        "balancer": {"probe_path": "/health/live.txt?a=1", "backend_port": 8080},
        "diagnostics": {"workspace": WORKSPACE, "guest_metrics": True},
    },
    "windows-folder": {
        "machines": {**WINDOWS, "count": 1},
        "balancer": {"probe_path": "/a/b/"},
        "management": {"patching": "image"},
    },
    "windows-bare": {"machines": {**WINDOWS, "count": 1, "workload": "none"}},
    "scale-set": {
        "machines": {"placement": "scale-set", "count": 3, "zones": ["1", "2"], "ssh_key": ED25519},
        "scale_set": {
            "autoscale": True,
            "minimum": 3,
            "maximum": 9,
            "cpu_out_percent": 80,
            "cpu_in_percent": 20,
            "window_min": 10,
            "cooldown_min": 15,
            "repairs_grace_min": 30,
        },
        "balancer": {"nat": "range", "probe_path": "/live"},
        "diagnostics": {"boot": False, "workspace": "new", "guest_metrics": True},
    },
    "scale-set-windows": {
        "prefix": "web-front-long",
        "machines": {**WINDOWS, "placement": "scale-set"},
        "scale_set": {"zones": False, "repairs": False},
        "balancer": {"nat": "range", "probe_protocol": "tcp", "backend_port": 8080},
        "diagnostics": {"workspace": WORKSPACE, "guest_metrics": True},
    },
    "scale-set-bare": {
        "machines": {
            "placement": "scale-set",
            "workload": "none",
            "image": GALLERY,
            "encryption_at_host": True,
            "security_type": "trusted-launch",
        },
        "balancer": {"nat": "range"},
    },
    "scale-set-windows-bare": {
        "machines": {**WINDOWS, "placement": "scale-set", "workload": "none"},
        "scale_set": {"autoscale": True, "health": True, "repairs": True},
        "balancer": {"nat": "range"},
    },
    "scale-set-without-health": {
        "machines": {"placement": "scale-set", "image": "rhel-9"},
        "scale_set": {"health": False, "repairs": False},
        "balancer": {"nat": "range"},
    },
    "vhds": {
        "cloud": "https://management.local.azurestack.external",
        "machines": {
            "os_disk_gb": 40,
            "data_disks": [{"size_gb": 8, "caching": "read-only"}, {"size_gb": 9}],
            "os_disk_caching": "none",
        },
        "storage": {"layout": "account-per-vm"},
        "diagnostics": {"storage_account": True},
    },
    "vhds-bare": {
        "machines": {"count": 1, "os_disk": "Standard_LRS"},
        "storage": {"layout": "account-per-vm"},
        "diagnostics": {"boot": False},
    },
}

ALONE: Mapping[str, tuple[str, ...]] = {
    "own-image": (names.VNET, names.BALANCER, names.VM, names.DIAGNOSTIC_SETTING, names.STORAGE),
    "own-page": (names.VM,),
    "own-file": (names.VM,),
    "own-script": (names.VM,),
    "windows-folder": (names.VM, names.EXTENSION),
    "windows-bare": (names.VM, names.EXTENSION),
    "scale-set-windows": (names.BALANCER, names.PUBLIC_IP, names.SCALE_SET, names.AUTOSCALE, names.COLLECTION_RULE),
    "scale-set-bare": (names.SCALE_SET,),
    "scale-set-windows-bare": (names.SCALE_SET,),
    "scale-set-without-health": (names.SCALE_SET,),
    "vhds-bare": (names.AVAILABILITY_SET, names.VM, names.STORAGE),
}
"""Of some variants the file holds resources of these types alone; the others are as in those before."""


def plan(name: str) -> Plan:
    return Plan.model_validate(VARIANTS[name])


def shown(graph: Blueprint, types: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """A graph's resources of some types, or all, as plain values; `@` stands for the resource group's id."""
    group = f"/subscriptions/{graph.subscription}/resourceGroups/{graph.name}"

    def short(value: Any, key: str = "") -> Any:
        if isinstance(value, Mapping):
            return {str(name).replace(group, "@"): short(inner, str(name)) for name, inner in value.items()}
        if isinstance(value, (list, tuple)):
            return [short(item) for item in value]
        if isinstance(value, str):
            return _decoded(value, key).replace(group, "@")
        return int(value) if type(value) is not bool and isinstance(value, int) else value

    return [
        {
            "id": short(one.id),
            "type": one.type,
            "name": one.name,
            "after": short(one.after),
            "secrets": [[".".join(path), kind] for path, kind in one.secrets],
            "body": short(one.body),
        }
        for one in graph
        if not types or one.type in types
    ]


def _decoded(text: str, key: str) -> str:
    if key == "customData":
        return base64.b64decode(text, validate=True).decode()
    if key == "commandToExecute":
        return re.sub(r"[^ ]{99,}$", lambda found: base64.b64decode(found[0], validate=True).decode("utf-16-le"), text)
    return text


def kept(name: str) -> Any:
    """What the variant's file holds."""
    return yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as blocks, and nothing by reference."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)

if __name__ == "__main__":
    for each in VARIANTS:
        graph = shown(blueprint.build(plan(each), SUBSCRIPTION), ALONE.get(each, ()))
        text = yaml.dump(graph, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)
        (FOLDER / f"{each}.yaml").write_text(text, encoding="utf-8")
