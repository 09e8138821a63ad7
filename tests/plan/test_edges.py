"""The edges of the rules, both sides of each: what is just legal gets no Problem, what is just illegal gets one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.plan.strategies import WORKSPACE
from tests.plan.told import IMAGE, SCALE_SET, SET, ZONES, disk, rule
from wizard.errors import Problem
from wizard.plan import (
    addresses,
    balancer,
    credentials,
    disks,
    expectation,
    layout,
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
from wizard.plan.expectation import Expectation
from wizard.plan.model import Auth, Layout, Lock, Nat, OsType, Outbound, OutboundAddress, ProbeProtocol, Rule
from wizard.plan.patching import Updates

LINUX, WINDOWS = OsType.LINUX, OsType.WINDOWS
HTTP, TCP = ProbeProtocol.HTTP, ProbeProtocol.TCP
PER_VM = Layout.ACCOUNT_PER_VM
SUBNET = "10.0.1.0/24"


def told(judge: Callable[..., Any], *values: Any) -> list[Problem]:
    verdict = judge(*values)
    if verdict is None:
        return []
    return [verdict] if isinstance(verdict, Problem) else list(verdict)


@pytest.mark.parametrize(
    ("judge", "values"),
    [
        (addresses.subnet_holds, ("10.0.0.0/29", 3)),
        (addresses.reachable_from_afar, ("f", ["10.0.0.0/8", "8.8.8.8"])),
        (addresses.reachable_from_afar, ("f", ["10.0.0.0/8", "Internet"])),
        (addresses.reachable_from_afar, ("f", [])),
        (balancer.nat_range_suffices, (2, Nat.RANGE, 2)),
        (balancer.nat_range_suffices, (1, Nat.PER_VM, 2)),
        (balancer.ports_apart, (83, 81, 2, Nat.PER_VM, 9)),
        (balancer.probe_path_on_windows, ("/con", HTTP, "page", LINUX)),
        (balancer.probe_path_on_windows, ("/con", TCP, "page", WINDOWS)),
        (balancer.probe_path_on_windows, ("/con", HTTP, "none", WINDOWS)),
        *((balancer.probe_path_on_windows, (path, HTTP, "page", WINDOWS)) for path in ("/", "/a/", "/Live/OK.html")),
        *((balancer.probe_path_on_windows, (path, HTTP, "page", WINDOWS)) for path in ("/x.HTM", "/a.TXT?a=/con.x")),
        *((balancer.probe_path, (path, HTTP)) for path in ("/Ab/C?D=%aF%Fa&e=/../", "/.a/..b", "/A-z_0~!$&'()*+,;=:@")),
        *((balancer.probe_path, (path, None)) for path in ("", "/")),
        (credentials.admin_user, ("a" * 20, WINDOWS)),
        (credentials.admin_user, ("Ops-1.x", WINDOWS)),
        (credentials.auth, (Auth.PASSWORD, WINDOWS)),
        (credentials.auth, (Auth.SSH_KEY, LINUX)),
        (credentials.password, ("Abcdefghijk1\x80", LINUX)),
        (credentials.password, ("abcdefghij1 ", LINUX)),
        (disks.data_disks, ([disk()] * 64,)),
        (disks.data_disks, ([disk(size_gb=4095, caching="read-only"), disk(size_gb=32767), disk(size_gb=1)],)),
        (disks.os_disk_gb, (4095,)),
        (layout.vhds, (PER_VM, "Standard_LRS", [disk(type="Standard_LRS", size_gb=4095)] * 39)),
        (layout.vhds, (PER_VM, "Premium_LRS", [disk()] * 50)),
        (layout.vhds, (Layout.MANAGED, "Premium_ZRS", [disk(size_gb=32767)])),
        (layout.managed_only, (Layout.MANAGED, ZONES, IMAGE, True)),
        (layout.boot_diagnostics, (PER_VM, False, False)),
        (layout.boot_diagnostics, (PER_VM, True, True)),
        (layout.boot_diagnostics, (Layout.MANAGED, True, False)),
        (machines.image, ("Canonical:ubuntu-24_04-lts:server:LATEST",)),
        (machines.image_fits, (IMAGE, WINDOWS)),
        (machines.image_fits, ("a:b:c:latest", WINDOWS)),
        (machines.image_fits, ("windows-2022", WINDOWS)),
        (machines.own_image, ("debian-12",)),
        (machines.os_disk_retires, ("StandardSSD_LRS",)),
        (machines.few, (2,)),
        *((management.workspace, (text,)) for text in ("", "new", WORKSPACE, WORKSPACE.upper())),
        (management.workspace_is_used, ("", False, False, False)),
        (management.workspace_is_used, (WORKSPACE, True, False, False)),
        (management.workspace_is_used, (WORKSPACE, False, True, False)),
        (management.workspace_is_used, (WORKSPACE, False, False, True)),
        (management.guest_metrics_have_a_place, (False, "")),
        (management.guest_metrics_have_a_place, (True, WORKSPACE)),
        (management.guest_metrics_get_out, (False, Outbound.NONE)),
        (management.guest_metrics_get_out, (True, Outbound.OUTBOUND_RULE)),
        *((patching.minutes, (number,)) for number in (10, 235)),
        *((patching.share, (number,)) for number in (0, 50)),
        (management.lock_of_own_group, (Lock.NONE, True)),
        (management.lock_of_own_group, (Lock.DELETE, False)),
        (management.disks_can_be_kept, (True, ZONES, Layout.MANAGED)),
        (management.disks_can_be_kept, (False, SCALE_SET, PER_VM)),
        *(
            (judge, values)
            for judge in (management.health_events_have_a_place, management.metrics_have_a_place)
            for values in ((True, True, ""), (True, False, WORKSPACE), (False, False, ""))
        ),
        (naming.vm_name, ("a" * 15, WINDOWS)),
        (naming.vm_name, ("12", LINUX)),
        (naming.prefix, ("WeB-1", LINUX, 2)),
        (naming.subnet_name, ("A-b.C_",)),
        (naming.dns_label, ("a-1",)),
        (naming.location, ("a" * 50,)),
        (outbound.ports_suffice, (32000, Outbound.OUTBOUND_RULE, OutboundAddress.OWN, 2, 80, 50001)),
        (outbound.ports_suffice, (31992, Outbound.OUTBOUND_RULE, OutboundAddress.BALANCER, 2, 80, 50001)),
        (scale_set.minimum, (0, ZONES, True)),
        (scale_set.minimum, (0, SCALE_SET, False)),
        (scale_set.sizes_agree, (1, 3, 2, ZONES, True)),
        (scale_set.sizes_agree, (1, 3, 2, SCALE_SET, False)),
        (scale_set.sizes_agree, (2, 2, 3, SCALE_SET, True)),
        (scale_set.sizes_agree, (3, 2, 3, SCALE_SET, True)),
        (scale_set.thresholds_apart, (1, 99, 2, ZONES, True)),
        (scale_set.thresholds_apart, (1, 99, 2, SCALE_SET, False)),
        (scale_set.repairs_grace_min, (0, ZONES, True)),
        (scale_set.repairs_grace_min, (0, SCALE_SET, False)),
        (scale_set.repairs_are_told, (False, False, SCALE_SET)),
        (scale_set.repairs_are_told, (True, True, SCALE_SET)),
        (scale_set.repairs_are_told, (True, False, ZONES)),
        (scale_set.ports_are_a_range, (Nat.PER_VM, ZONES)),
        (security.rules, ([rule(name=f"r{number}", priority=number) for number in range(100, 1050)],)),
        (security.rules, ([rule(protocol="icmp"), rule(name="b", priority=301, source=("Internet",))],)),
        (zones.spread, (2, ("1",), SCALE_SET, False)),
        (zones.spread, (2, ("1", "2"), SCALE_SET)),
        (zones.spread, (1, ("1",), SET)),
    ],
)
def test_what_is_just_legal(judge: Callable[..., Any], values: tuple[Any, ...]) -> None:
    assert told(judge, *values) == []


@pytest.mark.parametrize(
    ("judge", "values"),
    [
        *(
            (balancer.probe_path_on_windows, (path, HTTP, "page", WINDOWS))
            for path in (
                "/a.b/c",
                "/a b/c",
                "/x.php",
                "/a.html/b.css",
                "/aux",
                "/AUX/b",
                "/com9.txt",
                "/lpt0",
                "/a/Bin",
            )
        ),
        *((balancer.probe_path_on_windows, (path, HTTP, "page", WINDOWS)) for path in ("/App_Data/a", "/a~.html")),
        *((balancer.probe_path, (path, HTTP)) for path in ("/./a", "/a/..", "/%41", "/a?b=%4", "/ä", "/a?b=ä")),
        *((credentials.admin_user, (name, WINDOWS)) for name in ("a/b", "a\tb", "b@c", "a*", "a.")),
        (credentials.password, ("abcdefGHIJKL", LINUX)),
        (credentials.password, ("Abcdefghijk1\x7f", LINUX)),
        (credentials.password, ("Abcdefghijk1\x1f", LINUX)),
        (outbound.ports_suffice, (32000, Outbound.OUTBOUND_RULE, OutboundAddress.BALANCER, 2, 80, 50001)),
        (zones.spread, (2, ("1",), SCALE_SET, True)),
        (patching.minutes, (236,)),
    ],
)
def test_what_is_just_illegal(judge: Callable[..., Any], values: tuple[Any, ...]) -> None:
    assert len(told(judge, *values)) == 1


def test_a_name_that_is_a_little_like_a_tag_is_left_to_azure() -> None:
    for entry, severity in (("Internal", "warning"), ("Internett", "error"), ("STORAGE.westeurope", None)):
        problem = addresses.source(entry, "f")
        assert (problem.severity if problem else None) == severity


@pytest.mark.parametrize(("out", "minimum"), [(70, 1), (70, 2), (90, 5), (3, 1), (99, 2), (50, 3)])
def test_the_remedy_for_thresholds_is_the_most_that_is_steady(out: int, minimum: int) -> None:
    for into in (out - 1, out):
        (problem,) = told(scale_set.thresholds_apart, out, into, minimum, SCALE_SET, True)
        most = int(problem.remedy.split()[1])
        assert told(scale_set.thresholds_apart, out, most, minimum, SCALE_SET, True) == []
        assert told(scale_set.thresholds_apart, out, most + 1, minimum, SCALE_SET, True) != []


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("p99<0.2s", Expectation("p99<0.2s", "p99", "<", 200.0, "ms")),
        ("P50 <= 5ms", Expectation("P50 <= 5ms", "p50", "<=", 5.0, "ms")),
        ("max>=7", Expectation("max>=7", "max", ">=", 7.0, "ms")),
        (" vms == 2 ", Expectation("vms == 2", "vms", "==", 2.0, "")),
        ("errors<0.1%", Expectation("errors<0.1%", "errors", "<", 0.1, "%")),
        ("errors!=.5", Expectation("errors!=.5", "errors", "!=", 0.5, "")),
    ],
)
def test_an_expectation_is_read_in_its_unit(text: str, read: Expectation) -> None:
    assert expectation.parse(text) == read


@pytest.mark.parametrize(
    ("text", "ports"),
    [
        ("*", range(65536)),
        ("80", range(80, 81)),
        ("0-65535", range(65536)),
        ("65535", range(65535, 65536)),
        ("65536", None),
        ("80-79", None),
        ("80-80", range(80, 81)),
        ("", None),
        ("8o", None),
    ],
)
def test_ports_of_a_rule(text: str, ports: range | None) -> None:
    assert security._range(text) == ports


@pytest.mark.parametrize(
    ("values", "guest", "covered"),
    [
        (("VIRTUALNETWORK",), "VirtualNetwork", True),
        (("*",), "AzureCloud", True),
        (("0.0.0.0/0",), "Internet", True),
        (("internet",), "*", True),
        (("Internet",), "0.0.0.0/0", True),
        (("Internet",), "198.51.100.7", True),
        (("Internet",), "AzureCloud", False),
        (("AzureCloud",), "10.0.0.1", False),
        (("AzureCloud",), "*", False),
        (("10.0.0.0/8",), "AzureCloud", False),
        (("AzureCloud", "192.0.2.0/24", "10.0.0.0/8"), "10.1.0.0/16", True),
        (("10.0.0.1/8",), "10.1.2.3/16", True),
        (("10.0.0.0/16",), "10.0.0.0/8", False),
        (("11.0.0.0/8",), "10.0.0.1", False),
        ((), "10.0.0.1", False),
    ],
)
def test_whom_a_rules_source_covers(values: tuple[str, ...], guest: str, covered: bool) -> None:
    assert security._covers(values, guest) is covered


@pytest.mark.parametrize(
    ("value", "holds", "meets"),
    [
        ("*", True, True),
        ("AzureLoadBalancer", True, False),
        ("AZURELOADBALANCER", True, False),
        ("VirtualNetwork", False, True),
        ("virtualNETWORK", False, True),
        ("Internet", False, False),
        ("168.63.129.16", True, False),
        ("168.63.129.1/24", True, False),
        ("168.63.130.0/24", False, False),
        ("10.0.1.7", False, True),
        ("10.0.1.7/16", False, True),
        ("10.0.2.0/24", False, False),
        ("0.0.0.0/0", True, True),
    ],
)
def test_whether_a_rule_is_about_the_probe_and_the_machines(value: str, holds: bool, meets: bool) -> None:
    for values in ((value,), ("ActionGroup", value), ("203.0.113.7", value)):
        assert security._holds(values, security.PROBE_SOURCE) is holds
        assert security._meets(values, SUBNET) is meets


ELSE = {"name": "else", "priority": 200}


@pytest.mark.parametrize("first", [{"protocol": "udp"}, {"source": ("10.0.0.0/8",)}, {"ports": ("22",)}])
def test_the_first_rule_that_is_about_the_probe_decides(first: dict[str, Any]) -> None:
    found = security.probe_lives([rule(), rule(**ELSE, access="allow", **first)], ("Internet",), 80, SUBNET)
    assert found is not None
    assert found.what.startswith("mine ")
    assert security.probe_lives([rule(), rule(**ELSE, access="allow")], ("Internet",), 80, SUBNET) is None
    assert security.probe_lives([rule(**ELSE, access="allow"), rule()], ("Internet",), 80, SUBNET) is None


@pytest.mark.parametrize("entry", ["*", "0.0.0.0/0", "azureLOADbalancer"])
def test_our_own_rule_for_everybody_lets_the_probe_in_where_it_comes_first(entry: str) -> None:
    def lives(*entries: Rule) -> bool:
        return security.probe_lives(entries, ("10.0.0.0/8", entry), 80, SUBNET) is None

    assert lives(rule())
    assert lives(rule(), rule(name="out", direction="outbound", priority=100))
    assert not lives(rule(), rule(name="first", ports=("22",), priority=100))
    assert security.probe_lives([rule()], ("10.0.0.0/8", "Internet"), 80, SUBNET) is not None


@pytest.mark.parametrize(
    ("ports", "os", "keeps_out"), [("22", LINUX, True), ("22", WINDOWS, False), ("3389", WINDOWS, True)]
)
def test_the_port_of_a_sign_in_is_the_systems(ports: str, os: OsType, keeps_out: bool) -> None:
    entries = [rule(name="odd", priority=100, protocol="udp"), rule(priority=101, ports=(ports,))]
    found = list(security.guests_live(entries, ("Internet",), ("198.51.100.7",), 80, os, SUBNET))
    assert bool(found) is keeps_out


@pytest.mark.parametrize(
    ("first", "keeps_out"),
    [
        ({"protocol": "udp"}, True),
        ({"source": ("10.0.0.0/8",)}, True),
        ({"destination": ("10.9.0.0/24",)}, True),
        ({"ports": ("22",)}, True),
        ({}, False),
    ],
)
def test_the_first_rule_that_is_about_a_guest_decides(first: dict[str, Any], keeps_out: bool) -> None:
    entries = [rule(priority=101), rule(name="else", priority=100, access="allow", **first)]
    found = list(security.guests_live(entries, ("198.51.100.7",), (), 80, LINUX, SUBNET))
    assert bool(found) is keeps_out


@pytest.mark.parametrize(
    ("keys", "warned"),
    [
        ({"destination": ("INTERNET",)}, True),
        ({"destination": ("0.0.0.0/0",)}, True),
        ({"destination": ("VirtualNetwork",)}, False),
        ({"destination": ("10.0.0.0/8",)}, False),
        ({"protocol": "udp"}, False),
        ({"ports": ("53",)}, False),
        ({"ports": ("53", "443")}, True),
    ],
)
def test_what_keeps_machines_from_packages(keys: dict[str, Any], warned: bool) -> None:
    closing = rule(direction="outbound", **keys)
    others = [rule(**ELSE, direction="outbound", access="allow", protocol="udp")]
    assert (security.fetching_lives([closing]) is not None) is warned
    assert (security.fetching_lives([*others, closing]) is not None) is warned
    assert security.fetching_lives([closing, rule(**ELSE, direction="outbound", access="allow")]) is None


def test_a_workloads_path_and_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert workload.resolve("", tmp_path) == ""
    assert workload.resolve("page", tmp_path) == "page"
    assert workload.resolve("none", tmp_path) == "none"
    assert workload.resolve("own.yaml", tmp_path) == str(tmp_path / "own.yaml")
    assert workload.resolve("~/own.yaml", tmp_path) == str(tmp_path / "home" / "own.yaml")
    assert workload.resolve("/own.yaml", tmp_path) == "/own.yaml"
    (tmp_path / "own.yaml").write_bytes(b"\xef\xbb\xbfa\r\nb\n")
    assert workload.read(str(tmp_path / "own.yaml")) == "a\nb\n"


def test_problems_stand_in_the_order_of_the_keys_and_unknown_ones_at_the_end_of_their_table() -> None:
    fields = [
        "zzz",
        "network.odd",
        "machines.odd",
        "machines.count",
        "network.subnet",
        "name",
        "tags.x",
        "machines.a.b",
    ]
    ordered = [problem.field for problem in rules.in_order([Problem(field, "What.") for field in fields])]
    assert ordered == [
        "name",
        "tags.x",
        "machines.count",
        "machines.odd",
        "machines.a.b",
        "network.subnet",
        "network.odd",
        "zzz",
    ]


def test_which_classes_of_updates_are_installed() -> None:
    for os in OsType:
        assert patching.classifications(Updates.CRITICAL, os) == ("Critical",)
        assert patching.classifications(Updates.SECURITY, os) == ("Critical", "Security")
    assert patching.classifications(Updates.ALL, LINUX) == ("Critical", "Security", "Other")
    assert patching.classifications(Updates.ALL, WINDOWS)[:3] == ("Critical", "Security", "UpdateRollUp")
