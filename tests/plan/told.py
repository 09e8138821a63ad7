"""Values that break each rule, one case for each sentence a rule can tell; `problems.txt` holds what is told.

After a sentence was changed on purpose: `python -m tests.plan.told`, and read the difference.
"""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.plan.strategies import ED25519, WORKSPACE
from wizard.errors import Problem
from wizard.plan import (
    addresses,
    balancer,
    credentials,
    disks,
    document,
    expectation,
    layout,
    limits,
    machines,
    management,
    naming,
    outbound,
    patching,
    rules,
    scale_set,
    security,
    workload,
    zones,
)
from wizard.plan.model import (
    Auth,
    Caching,
    DataDisk,
    Layout,
    Lock,
    Nat,
    OsType,
    Outbound,
    OutboundAddress,
    Placement,
    Plan,
    ProbeProtocol,
    Rule,
    SecurityType,
)

FILE = Path(__file__).with_name("problems.txt")
LINUX, WINDOWS = OsType.LINUX, OsType.WINDOWS
SET, SCALE_SET, ZONES = Placement.AVAILABILITY_SET, Placement.SCALE_SET, Placement.ZONES
IMAGE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/images/i"
HTTP = "network.allow_http"

Case = tuple[Callable[..., Any], "tuple[Any, ...] | Mapping[str, Any]"]


def rule(**keys: object) -> Rule:
    return Rule.model_validate({"name": "mine", "priority": 300, **keys})


def disk(**keys: object) -> DataDisk:
    return DataDisk.model_validate(keys)


@functools.cache
def weak_key() -> str:
    made = rsa.generate_private_key(65537, 1024).public_key()
    return made.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()


def changed(**values: Any) -> list[Problem]:
    """What is told of the standard plan with some values changed, dots as two underscores."""
    keys = {key.replace("__", "."): value for key, value in values.items()}
    return rules.check_values(document.flatten(Plan()) | {"machines.ssh_key": ED25519} | keys)


def own_file(content: bytes) -> Problem | None:
    """What is told of a workload's file with this content; the name of its folder is left out."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "own.yaml"
        path.write_bytes(content)
        found = workload.check(str(path), LINUX)
    if found is None:
        return None
    return Problem(found.field, found.what.replace(folder, "FOLDER"), found.why, found.remedy, found.severity)


NAMES: tuple[Case, ...] = (
    (naming.version, (2,)),
    (naming.cloud, ("pubic",)),
    (naming.cloud, ("elsewhere",)),
    (naming.cloud, ("http://management.example",)),
    (naming.cloud, ("https://host:99999",)),
    (naming.cloud, ("https://host:0",)),
    (naming.cloud, ("https://user:x@host",)),
    (naming.cloud, ("https://host/?a=1",)),
    (naming.cloud, ("https://host/#a",)),
    (naming.cloud, ("https://host/a b",)),
    (naming.resource_group, ("",)),
    (naming.resource_group, ("a" * 91,)),
    (naming.resource_group, ("b b*a/",)),
    (naming.resource_group, ("a.",)),
    (naming.location, ("West Europe",)),
    (naming.location, ("1",)),
    (naming.location, ("a" * 51,)),
    (naming.vm_name, ("", LINUX)),
    (naming.vm_name, ("a" * 65, LINUX)),
    (naming.vm_name, ("a" * 16, WINDOWS)),
    (naming.vm_name, ("a_b\t.", LINUX)),
    (naming.vm_name, ("a-", LINUX)),
    (naming.vm_name, ("123", WINDOWS, "another.field")),
    (naming.prefix, ("", LINUX, 2)),
    (naming.prefix, ("we_b b", LINUX, 2)),
    (naming.prefix, ("-web", LINUX, 2)),
    (naming.prefix, ("a" * 60, LINUX, 2)),
    (naming.prefix, ("a" * 13, WINDOWS, 100)),
    (naming.subnet_name, ("GATEWAYSUBNET",)),
    (naming.subnet_name, ("",)),
    (naming.subnet_name, ("a.",)),
    (naming.dns_label, ("Web",)),
    (naming.tags, ({f"t{number}": "" for number in range(50)},)),
    (naming.tags, ({"a": "x" * 257},)),
    (naming.tags, ({" ": "x", "Multivm-Wizard": "x", "a": "", "A": "", "<b%": "", "Azure.x": "", "c" * 513: ""},)),
    (naming.one_of, ("a.field", "thre", ("one", "two", "three"))),
    (naming.one_of, ("a.field", "zzz", ("one", "two", "three"))),
)
MACHINES: tuple[Case, ...] = (
    (machines.count, (201, SET)),
    (machines.count, (0, None)),
    (machines.few, (1,)),
    (machines.image, ("/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/disks/d",)),
    (machines.image, ("Canonical:ubuntu-24_04-lts:server",)),
    (machines.image, ("Canonical:ubuntu-24_04-lts:server:24.04",)),
    (machines.image, ("ubuntu",)),
    (machines.image, ("",)),
    (machines.own_image, (IMAGE,)),
    (machines.image_fits, ("windows-2022", LINUX)),
    (machines.size, ("d2s_v5",)),
    (machines.size, ("basic_A1",)),
    (machines.size, ("",)),
    (machines.size, ("a b",)),
    (machines.os_disk, ("Premium_LSR",)),
    (machines.os_disk_retires, ("Standard_LRS",)),
    (machines.fault_domains, (4,)),
    (machines.update_domains, (21,)),
    (machines.domains_agree, (1, 2)),
    (zones.zones, ((),)),
    (zones.zones, (("1", "4", "1", "4"),)),
    (zones.spread, (2, ("1",), ZONES)),
    (zones.spread, (1, ("1", "2"), SCALE_SET)),
    (disks.os_disk_gb, (4096,)),
    (disks.data_disks, ([disk()] * 65,)),
    (disks.data_disks, ([disk(), disk(size_gb=0), disk(type="Premium"), disk(type="x")],)),
    (disks.data_disks, ([disk(size_gb=4096, caching="read-write"), disk(caching=Caching.READ_WRITE)],)),
    (layout.retired, (Layout.ACCOUNT_PER_VM, "public")),
    (layout.retired, (Layout.ACCOUNT_PER_VM, "https://stack.example")),
    (machines.trusted_launch_fits, (SecurityType.TRUSTED_LAUNCH, IMAGE, Layout.ACCOUNT_PER_VM)),
    (layout.managed_only, (Layout.ACCOUNT_PER_VM, ZONES, IMAGE, True)),
    (layout.managed_only, (Layout.ACCOUNT_PER_VM, SCALE_SET, "debian-12", False)),
    (layout.vhds, (Layout.ACCOUNT_PER_VM, "Premium_ZRS", [disk(type="Standard_LRS")])),
    (layout.vhds, (Layout.ACCOUNT_PER_VM, "Premium_LRS", [disk(), disk(type="Standard_LRS"), disk(size_gb=4096)])),
    (layout.vhds, (Layout.ACCOUNT_PER_VM, "Standard_LRS", [disk(type="Standard_LRS")] * 40)),
    (layout.boot_diagnostics, (Layout.ACCOUNT_PER_VM, True, False)),
    (credentials.admin_user, ("", LINUX)),
    (credentials.admin_user, ("a" * 33, LINUX)),
    (credentials.admin_user, ("a" * 21, WINDOWS)),
    (credentials.admin_user, ("Root", LINUX)),
    (credentials.admin_user, ("ops.", WINDOWS, "another.field")),
    (credentials.admin_user, ("1ops", LINUX)),
    (credentials.auth, (Auth.SSH_KEY, WINDOWS)),
    (credentials.password, ("Abcdefghijk1\t", LINUX)),
    (credentials.password, ("P@ssWord123", LINUX)),
    (credentials.password, ("Abcdefghij1", LINUX)),
    (credentials.password, ("A1" + "b" * 71, LINUX)),
    (credentials.password, ("A1" + "b" * 122, WINDOWS)),
    (credentials.password, ("abcdefghijk1", LINUX)),
    (credentials.ssh_key, ("-----BEGIN OPENSSH PRIVATE KEY-----",)),
    (credentials.ssh_key, ("",)),
    (credentials.ssh_key, (f"{ED25519}\n{ED25519}",)),
    (credentials.ssh_key, ("ssh-dss AAAA",)),
    (credentials.ssh_key, ("PuTTY-User-Key-File-3: ssh-ed25519",)),
    (credentials.ssh_key, ("ecdsa-sha2-nistp256 AAAA",)),
    (credentials.ssh_key, ("sk-ssh-ed25519@openssh.com AAAA",)),
    (credentials.ssh_key, ("hello",)),
    (credentials.ssh_key, ("ssh-ed25519 AAAA",)),
    (credentials.ssh_key, (weak_key,)),
    (workload.check, ("none", LINUX)),
    (workload.check, ("", LINUX)),
    (workload.check, ("own.yaml", WINDOWS)),
    (workload.check, ("/no/such/file", LINUX)),
    (workload.check, ("a\0b", None)),
    (own_file, (b"#cloud-config\na: \xff\n",)),
    (own_file, (b"#!/bin/sh\n" + b"#" * limits.CUSTOM_DATA,)),
    (own_file, (b"packages: [jq]\n",)),
    (own_file, (b"#cloud-config\n- a\n",)),
    (own_file, (b"#cloud-config\na: [\n",)),
    (own_file, (b"#cloud-config\na: \x01\n",)),
    (own_file, (b"#cloud-config\nusers:\n  - passwd: S3cret-S3cret\n",)),
    (own_file, (b"#!/bin/sh\nAccountKey=S3cret-S3cret\n",)),
    (own_file, (b"#!/bin/sh\ncurl 'https://x/?sig=S3cretS3cretS3cretS3cret'\n",)),
    (own_file, (b"#!/bin/sh\nexport T=ghp_S3cretS3cretS3cretS3cretS3cretS3c\n",)),
    (own_file, (b"#!/bin/sh\n# -----BEGIN OPENSSH PRIVATE KEY-----\n",)),
    (own_file, (b"#cloud-config\nchpasswd:\n  list: |\n    root:S3cret-S3cret\n",)),
    (own_file, (b"#!/bin/sh\nexport DB_PASSWORD=S3cret-S3cret\nexport A_TOKEN=S3cret-S3cret\n",)),
    (own_file, (b"#cloud-config\nb: [export DB_PASSWORD=S3cret-S3cret]\n",)),
    (changed, {"machines__ssh_key": ""}),
    (changed, {"machines__auth": Auth.PASSWORD}),
    (changed, {"machines__placement": ZONES, "machines__count": 1}),
    (changed, {"machines__count": 1}),
    (changed, {"machines__image": "Canonical:UbuntuServer:18.04-LTS:latest"}),
)
NETWORK: tuple[Case, ...] = (
    (addresses.address_space, ("10.0.0.0/30",)),
    (addresses.address_space, ("0.0.0.0/1",)),
    (addresses.address_space, ("10.0.0.1/24",)),
    (addresses.address_space, ("10.0.0.0",)),
    (addresses.address_space, ("127.0.0.0/24",)),
    (addresses.subnet, ("168.63.129.0/24",)),
    (addresses.subnet, ("10.0.0.0/255.0.0.0",)),
    (addresses.subnet, ("x/y",)),
    (addresses.subnet_inside, ("10.0.0.0/16", "10.1.0.0/24")),
    (addresses.subnet_inside, ("10.0.0.0/28", "10.1.0.0/29")),
    (addresses.subnet_holds, ("10.0.0.0/29", 4)),
    (addresses.subnet_holds, ("10.0.0.0/29", 11)),
    (addresses.subnet_holds, ("10.0.0.0/24", 252)),
    (addresses.subnet_holds, ("10.0.0.0/24", 508)),
    (addresses.allow_http, ([],)),
    (addresses.allow_http, (["300.1.1.1", "10.0.0.1/24", "10.0.0.0/33", "2001:db8::1", "10.0.0.1-10.0.0.9"],)),
    (addresses.allow_http, (["Internt", "localhost", "QuantumTeleport", "AzureClou.westeurope"],)),
    (addresses.allow_admin, ([],)),
    (addresses.allow_admin, (["203.0.113.7", "Internet", "0.0.0.0/0"],)),
    (addresses.reachable_from_afar, ("network.allow_admin", ["10.0.0.0/8"])),
    (changed, {"cloud": "public", "network__allow_http": ("10.0.0.0/8",), "network__allow_admin": ("8.8.8.8",)}),
    (changed, {"cloud": "public", "network__allow_admin": ("10.0.0.0/8",)}),
    (security.rules, ([rule(), rule(name="MINE", priority=301)],)),
    (security.rules, ([rule(), rule(name="other")],)),
    (security.rules, ([rule(direction="outbound"), rule(name="other", direction="outbound")],)),
    (security.rules, ([rule(name=f"r{number}", priority=number) for number in range(100, 1051)],)),
    (security.rules, ([rule(name=""), rule(name="allow-ssh-2", priority=99)],)),
    (security.rules, ([rule(source=(), destination=("10.0.0.1/8", "Internet", "Quantum"), ports=("80-8", "x"))],)),
    (security.rules, ([rule(protocol="icmp", ports=("80",)), rule(name="b", priority=400, ports=())],)),
    (security.probe_lives, ([rule(ports=("80",))], ("Internet",), 80, "10.0.1.0/24")),
    (
        security.guests_live,
        ([rule(priority=100)], ("10.0.0.1", "Internet"), ("198.51.100.7/32",), 8080, WINDOWS, "10.0.1.0/24"),
    ),
    (security.fetching_lives, ([rule(direction="outbound")],)),
    (security.fetching_lives, ([rule(direction="outbound", ports=("443",))],)),
    (outbound.ports, (12,)),
    (outbound.ports, (0,)),
    (outbound.ports, (64008,)),
    (outbound.ports_suffice, (1024, Outbound.OUTBOUND_RULE, OutboundAddress.OWN, 63, 80, 50001)),
    (outbound.ports_suffice, (32000, Outbound.OUTBOUND_RULE, OutboundAddress.BALANCER, 2, 80, 50001, Nat.RANGE, 9)),
    (outbound.no_way_out, (Outbound.NONE, "page")),
    (outbound.no_way_out, (Outbound.NONE, "page", WINDOWS)),
    (outbound.no_way_out, (Outbound.NONE, "page", LINUX, IMAGE)),
    (outbound.no_way_out, (Outbound.NONE, "none")),
    (outbound.no_way_out, (Outbound.NONE, "own.yaml")),
)
BALANCER: tuple[Case, ...] = (
    (balancer.frontend_port, (65535,)),
    (balancer.backend_port, (0,)),
    (balancer.backend_port_is_free, (22, LINUX)),
    (balancer.backend_port_is_free, (3389, WINDOWS)),
    (balancer.nat_first_port, (0,)),
    (balancer.nat_range, (1001,)),
    (balancer.nat_range_suffices, (2, Nat.RANGE, 3)),
    (balancer.nat_ports_exist, (65534, 2, Nat.PER_VM, 9)),
    (balancer.nat_ports_exist, (65533, 1, Nat.RANGE, 3)),
    (balancer.ports_apart, (81, 81, 1, Nat.PER_VM, 9)),
    (balancer.ports_apart, (82, 81, 3, Nat.PER_VM, 9)),
    (balancer.probe_interval, (4,)),
    (balancer.probe_threshold, (0,)),
    (balancer.probe_path_on_windows, ("/con.html", ProbeProtocol.HTTP, "page", WINDOWS)),
    (balancer.probe_path, ("/healthz", ProbeProtocol.TCP)),
    (balancer.probe_path, ("", ProbeProtocol.HTTP)),
    (balancer.probe_path, ("healthz", None)),
    (balancer.probe_path, ("/a b", ProbeProtocol.HTTP)),
    (balancer.probe_path, ("/a/../b", ProbeProtocol.HTTP)),
    (scale_set.minimum, (0, SCALE_SET, True)),
    (scale_set.maximum, (1001, SCALE_SET, True)),
    (scale_set.cpu_out_percent, (100, SCALE_SET, True)),
    (scale_set.cpu_in_percent, (0, SCALE_SET, True)),
    (scale_set.window_min, (4, SCALE_SET, True)),
    (scale_set.cooldown_min, (10081, SCALE_SET, True)),
    (scale_set.repairs_grace_min, (9, SCALE_SET, True)),
    (scale_set.sizes_agree, (2, 3, 2, SCALE_SET, True)),
    (scale_set.sizes_agree, (2, 3, 4, SCALE_SET, True)),
    (scale_set.sizes_agree, (2, 2, 2, SCALE_SET, True)),
    (scale_set.thresholds_apart, (70, 70, 2, SCALE_SET, True)),
    (scale_set.thresholds_apart, (70, 50, 2, SCALE_SET, True)),
    (scale_set.thresholds_apart, (2, 1, 1, SCALE_SET, True)),
    (scale_set.thresholds_apart, (1, 1, 1, SCALE_SET, True)),
    (scale_set.repairs_are_told, (True, False, SCALE_SET)),
    (scale_set.ports_are_a_range, (Nat.PER_VM, SCALE_SET)),
    (management.workspace, ("mine",)),
    (management.health_events_have_a_place, (True, False, "")),
    (management.metrics_have_a_place, (True, False, "")),
    (management.workspace_is_used, (WORKSPACE, False, False, False)),
    (management.guest_metrics_have_a_place, (True, "")),
    (management.guest_metrics_get_out, (True, Outbound.NONE)),
    (patching.minutes, (9,)),
    (patching.share, (51,)),
    (patching.share, (-1,)),
    (management.lock_of_own_group, (Lock.DELETE, True)),
    (management.disks_can_be_kept, (True, SCALE_SET, Layout.ACCOUNT_PER_VM)),
    (expectation.check, (("p99<200ms", "fast", "p98<1ms", "zzz<1", "p99<5%", "errors<5ms", "rps>1s", "vms==2%"),)),
)
CASES = (*NAMES, *MACHINES, *NETWORK, *BALANCER)


def named() -> dict[str, Case]:
    """The cases by their names: the rule's, and its number among those of the rule."""
    found: dict[str, Case] = {}
    numbers: dict[str, int] = {}
    for judge, values in CASES:
        module = judge.__module__.rpartition(".")[2]
        name = judge.__name__ if judge in (changed, own_file) else f"{module}.{judge.__name__}"
        numbers[name] = numbers.get(name, 0) + 1
        found[f"{name} {numbers[name]}"] = (judge, values)
    return found


def problems(case: Case) -> list[Problem]:
    """All that is told of a case."""
    judge, values = case
    if isinstance(values, Mapping):
        verdict = judge(**values)
    else:
        verdict = judge(*(value() if callable(value) else value for value in values))
    if verdict is None:
        return []
    return [verdict] if isinstance(verdict, Problem) else list(verdict)


def shown(name: str, found: list[Problem]) -> str:
    """A case as the file has it: its name, and a line each of a Problem's severity and field, what, why and remedy."""
    lines = [name]
    for problem in found:
        lines += [f"  {problem.severity} of {problem.field}"]
        lines += [f"    {text}" for text in (problem.what, problem.why, problem.remedy)]
    return "\n".join(lines)


def kept() -> dict[str, str]:
    """What the file holds, by the cases' names."""
    blocks = FILE.read_text(encoding="utf-8").rstrip("\n").split("\n\n")
    return {block.partition("\n")[0]: block for block in blocks}


if __name__ == "__main__":
    blocks = (shown(name, problems(case)) for name, case in named().items())
    FILE.write_text("\n\n".join(blocks) + "\n", encoding="utf-8")
