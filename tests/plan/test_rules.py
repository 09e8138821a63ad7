"""Azure's limits, each at its edge: the last legal value passes and the first illegal one does not."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.plan.strategies import ED25519
from wizard.plan import addresses, balancer, disks, machines, naming, outbound, rules, security, zones
from wizard.plan.model import DataDisk, Nat, OsType, Outbound, OutboundAddress, Placement, Plan, ProbeProtocol, Rule

LINUX, WINDOWS = OsType.LINUX, OsType.WINDOWS


@pytest.mark.parametrize("name", ["a", "a" * 90, "-", "été_(1).x", "группа"])
def test_group_names_taken(name: str) -> None:
    assert rules.resource_group(name) is None


@pytest.mark.parametrize("name", ["", "a" * 91, "a.", ".", "..", "a b", "a/b", "a\n", "a*"])
def test_group_names_refused(name: str) -> None:
    assert rules.resource_group(name) is not None


@pytest.mark.parametrize(
    ("name", "os", "legal"),
    [
        ("a" * 64, LINUX, True),
        ("a" * 65, LINUX, False),
        ("a" * 15, WINDOWS, True),
        ("a" * 16, WINDOWS, False),
        ("123", LINUX, True),
        ("123", WINDOWS, False),
        ("a_b", LINUX, False),
        ("a.b", WINDOWS, False),
        ("a-", LINUX, False),
        ("a b", LINUX, False),
        ("", LINUX, False),
    ],
)
def test_vm_names(name: str, os: OsType, legal: bool) -> None:
    assert (rules.vm_name(name, os) is None) is legal


@pytest.mark.parametrize(
    ("prefix", "os", "count", "legal"),
    [
        ("a" * 59, LINUX, 200, True),  # PREFIX-vnet has 64
        ("a" * 60, LINUX, 1, False),
        ("a" * 12, WINDOWS, 200, True),
        ("a" * 13, WINDOWS, 200, False),
        ("a" * 13, WINDOWS, 99, True),
        ("12", WINDOWS, 2, False),
        ("web-", LINUX, 2, True),
        ("-web", LINUX, 2, False),
        ("we_b", LINUX, 2, False),
        ("", LINUX, 2, False),
        ("wéb", LINUX, 2, False),
    ],
)
def test_prefixes(prefix: str, os: OsType, count: int, legal: bool) -> None:
    assert (rules.prefix(prefix, os, count) is None) is legal


@pytest.mark.parametrize(
    ("name", "os", "legal"),
    [
        ("a" * 32, LINUX, True),
        ("a" * 33, LINUX, False),
        ("b" * 20, WINDOWS, True),
        ("b" * 21, WINDOWS, False),
        ("root", LINUX, False),
        ("Root", WINDOWS, False),
        ("video", LINUX, False),
        ("support_388945a0", LINUX, False),
        ("test4", LINUX, True),
        ("Ops", LINUX, False),
        ("Ops", WINDOWS, True),
        ("ops.", WINDOWS, False),
        ("1ops", LINUX, False),
        ("-ops", LINUX, False),
        ("o ps", LINUX, False),
        ("", LINUX, False),
    ],
)
def test_admin_users(name: str, os: OsType, legal: bool) -> None:
    assert (rules.admin_user(name, os) is None) is legal


@pytest.mark.parametrize(
    ("password", "os", "legal"),
    [
        ("Abcdefghijk1", LINUX, True),
        ("Abcdefghij1", LINUX, False),
        ("A1" + "b" * 70, LINUX, True),
        ("A1" + "b" * 71, LINUX, False),
        ("A1" + "b" * 121, WINDOWS, True),
        ("A1" + "b" * 122, WINDOWS, False),
        ("abcdefghijkl", LINUX, False),
        ("abcdefghijk1", LINUX, False),
        ("abcdefghij1!", LINUX, True),
        ("ABCDEFGHIJ1 ", LINUX, True),
        ("Abcdefghijk1\t", LINUX, False),
        ("P@ssword123", LINUX, False),
        ("iloveyou!", LINUX, False),
        ("", LINUX, False),
    ],
)
def test_passwords(password: str, os: OsType, legal: bool) -> None:
    problem = rules.password(password, os)
    assert (problem is None) is legal
    if problem and password:
        assert password not in repr(problem)


def _public(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    text = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return text.decode()


def test_ssh_keys_taken() -> None:
    assert rules.ssh_key(ED25519) is None
    assert rules.ssh_key(f"{ED25519}\n") is None
    assert rules.ssh_key(_public(rsa.generate_private_key(65537, 2048))) is None


def test_ssh_keys_refused() -> None:
    body = ED25519.split()[1]
    for key in (
        "",
        "hello",
        body,
        f"ssh-rsa {body}",
        f"ssh-ed25519 {body[:-8]}",
        f"{ED25519}\n{ED25519}",
        f'command="ls" {ED25519}',
        _public(rsa.generate_private_key(65537, 1024)),
        _public(ec.generate_private_key(ec.SECP256R1())),
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        "PuTTY-User-Key-File-3: ssh-ed25519",
    ):
        assert rules.ssh_key(key) is not None, key


@pytest.mark.parametrize(
    ("text", "legal"),
    [
        ("10.0.0.0/8", True),
        ("10.0.0.0/29", True),
        ("10.0.0.0/30", False),
        ("0.0.0.0/1", False),
        ("10.0.0.1/24", False),
        ("10.0.0.0", False),
        ("10.0.0.0/255.0.0.0", False),
        ("fd00::/64", False),
        ("127.0.0.0/24", False),
        ("169.254.1.0/24", False),
        ("224.0.0.0/8", False),
        ("168.63.129.0/24", False),
        ("168.63.130.0/24", True),
        ("64.0.0.0/2", False),  # meets loopback
        ("", False),
    ],
)
def test_ranges(text: str, legal: bool) -> None:
    assert (addresses.address_space(text) is None) is legal
    assert (addresses.subnet(text) is None) is legal


@pytest.mark.parametrize(
    ("part", "count", "legal"),
    [("10.0.0.0/29", 3, True), ("10.0.0.0/29", 4, False), ("10.0.0.0/24", 251, True), ("10.0.0.0/24", 252, False)],
)
def test_five_addresses_of_a_subnet_are_azures(part: str, count: int, legal: bool) -> None:
    problem = addresses.subnet_holds(part, count)
    assert (problem is None) is legal
    if problem:  # the remedy is true
        prefix = int(problem.remedy.split("/")[1].split()[0])
        assert 2 ** (32 - prefix) - 5 >= count
        assert 2 ** (32 - prefix - 1) - 5 < count


@pytest.mark.parametrize(
    ("entry", "legal"),
    [
        ("*", True),
        ("Internet", True),
        ("internet", True),
        ("AzureCloud.westeurope", True),
        ("AzureFrontDoor.Backend", True),
        ("203.0.113.7", True),
        ("203.0.113.0/24", True),
        ("0.0.0.0/0", True),
        ("203.0.113.7/24", False),
        ("203.0.113.0/33", False),
        ("300.1.1.1", False),
        ("1.2.3", False),
        ("2001:db8::1", False),
        ("10.0.0.1-10.0.0.9", False),
        ("localhost", False),
        ("Internt", False),
        ("", False),
        ("a b", False),
    ],
)
def test_allow_list_entries(entry: str, legal: bool) -> None:
    assert (rules.source(entry, "network.allow_http") is None) is legal


def test_an_unknown_service_tag_is_left_to_azure_with_a_warning() -> None:
    problem = rules.source("QuantumTeleport", "network.allow_http")
    assert problem is not None
    assert problem.severity == "warning"


def test_private_addresses_get_a_warning_where_the_cloud_is_far() -> None:
    def warned(cloud: str, *entries: str) -> list[str]:
        standard = Plan(cloud=cloud)
        plan = standard.model_copy(update={"network": standard.network.model_copy(update={"allow_admin": entries})})
        return [p.field for p in rules.check(plan) if p.severity == "warning"]

    assert warned("public", "127.0.0.1/32", "10.0.0.0/8") == ["network.allow_admin"]
    assert warned("public", "127.0.0.1/32", "8.8.8.8") == []
    assert warned("public", "VirtualNetwork") == []
    assert warned("sandbox", "127.0.0.1/32") == []


@pytest.mark.parametrize(
    ("text", "legal"),
    [
        ("sandbox", True),
        ("public", True),
        ("usgov", True),
        ("china", True),
        ("https://management.local.azurestack.external", True),
        ("https://127.0.0.1:8443/", True),
        ("http://management.example", False),
        ("https://", False),
        ("https://user:x@host", False),
        ("https://host:99999", False),
        ("https://host/?a=1", False),
        ("ftp://host", False),
        ("pubic", False),
        ("", False),
    ],
)
def test_clouds(text: str, legal: bool) -> None:
    assert (naming.cloud(text) is None) is legal


@pytest.mark.parametrize(
    ("text", "legal"),
    [
        ("", True),
        ("web", True),
        ("we", False),
        ("1web", False),
        ("web-", False),
        ("Web", False),
        ("a" * 63, True),
        ("a" * 64, False),
    ],
)
def test_dns_labels(text: str, legal: bool) -> None:
    assert (naming.dns_label(text) is None) is legal


@pytest.mark.parametrize(
    ("text", "legal"),
    [
        ("web", True),
        ("a", True),
        ("a_", True),
        ("a.", False),
        ("-a", False),
        ("a" * 80, True),
        ("a" * 81, False),
        ("GatewaySubnet", False),
        ("", False),
    ],
)
def test_subnet_names(text: str, legal: bool) -> None:
    assert (naming.subnet_name(text) is None) is legal


@pytest.mark.parametrize(
    ("pairs", "fields"),
    [
        ({f"t{n}": "" for n in range(49)}, []),
        ({f"t{n}": "" for n in range(50)}, ["tags"]),
        ({"a": "x" * 256}, []),
        ({"a": "x" * 257}, ["tags.a"]),
        ({"a" * 512: ""}, []),
        ({"a" * 513: ""}, ["tags." + "a" * 55]),
        ({"a<b": ""}, ["tags.a<b"]),
        ({"Microsoft.x": ""}, ["tags.Microsoft.x"]),
        ({"Multivm-Wizard": "mine"}, ["tags.Multivm-Wizard"]),
        ({"env": "", "ENV": ""}, ["tags.ENV"]),
        ({"": "x"}, ["tags"]),
    ],
)
def test_tags(pairs: dict[str, str], fields: list[str]) -> None:
    assert [problem.field for problem in naming.tags(pairs)] == fields


@pytest.mark.parametrize(
    ("text", "legal"),
    [
        ("ubuntu-24.04", True),
        ("Canonical:ubuntu-24_04-lts:server:latest", True),
        ("Canonical:ubuntu-24_04-lts:server:24.04.202609040", True),
        ("Canonical:ubuntu-24_04-lts:server", False),
        ("Canonical:ubuntu-24_04-lts:server:newest", False),
        ("Canonical::server:latest", False),
        ("/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/images/i", True),
        ("/subscriptions/s/resourcegroups/g/providers/microsoft.compute/galleries/g/images/i/versions/1.0.0", True),
        ("/subscriptions/s/resourcegroups/g/providers/microsoft.compute/galleries/g/images/i", True),
        ("/communityGalleries/x/images/y/versions/latest", True),
        ("/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/disks/d", False),
        ("ubuntu", False),
        ("", False),
    ],
)
def test_images(text: str, legal: bool) -> None:
    assert (machines.image(text) is None) is legal


@pytest.mark.parametrize(
    ("text", "legal"),
    [
        ("Standard_D2s_v5", True),
        ("Standard_M8-2ms", True),
        ("Standard_NC4as_T4_v3", True),
        ("D2s_v5", False),
        ("Basic_A1", False),
        ("Standard_", False),
        ("", False),
    ],
)
def test_sizes(text: str, legal: bool) -> None:
    assert (machines.size(text) is None) is legal


@pytest.mark.parametrize(
    ("count", "placement", "legal"),
    [
        (1, Placement.AVAILABILITY_SET, True),
        (200, Placement.AVAILABILITY_SET, True),
        (201, Placement.AVAILABILITY_SET, False),
        (0, Placement.AVAILABILITY_SET, False),
        (1000, Placement.SCALE_SET, True),
        (1001, Placement.SCALE_SET, False),
    ],
)
def test_counts(count: int, placement: Placement, legal: bool) -> None:
    assert (machines.count(count, placement) is None) is legal


def test_domains() -> None:
    assert machines.fault_domains(3) is None
    assert machines.fault_domains(4) is not None
    assert machines.fault_domains(0) is not None
    assert machines.update_domains(20) is None
    assert machines.update_domains(21) is not None
    assert machines.domains_agree(1, 1) is None
    assert machines.domains_agree(1, 2) is not None
    assert machines.domains_agree(2, 1) is None


def test_ports() -> None:
    assert balancer.frontend_port(65534) is None
    assert balancer.frontend_port(65535) is not None
    assert balancer.frontend_port(0) is not None
    assert balancer.backend_port(65535) is None
    assert balancer.backend_port(65536) is not None
    assert balancer.backend_port_is_free(22, LINUX) is not None
    assert balancer.backend_port_is_free(22, WINDOWS) is None
    assert balancer.backend_port_is_free(3389, WINDOWS) is not None
    assert balancer.nat_ports_exist(65533, 2, Nat.PER_VM, 9) is None
    assert balancer.nat_ports_exist(65534, 2, Nat.PER_VM, 9) is not None
    assert balancer.nat_ports_exist(65533, 1, Nat.RANGE, 2) is None
    assert balancer.nat_ports_exist(65533, 1, Nat.RANGE, 3) is not None
    assert balancer.ports_apart(80, 81, 2, Nat.PER_VM, 9) is None
    assert balancer.ports_apart(81, 81, 2, Nat.PER_VM, 9) is not None
    assert balancer.ports_apart(82, 81, 2, Nat.PER_VM, 9) is not None
    assert balancer.ports_apart(83, 81, 2, Nat.PER_VM, 9) is None
    assert balancer.ports_apart(83, 81, 2, Nat.RANGE, 3) is not None
    assert balancer.nat_range_suffices(2, Nat.RANGE, 3) is not None
    assert balancer.nat_range_suffices(2, Nat.PER_VM, 3) is None


@pytest.mark.parametrize(
    ("path", "protocol", "severity"),
    [
        ("/", ProbeProtocol.HTTP, None),
        ("/healthz?deep=1%20x", ProbeProtocol.HTTP, None),
        ("", ProbeProtocol.HTTP, "error"),
        ("healthz", ProbeProtocol.HTTP, "error"),
        ("/a b", ProbeProtocol.HTTP, "error"),
        ("/a#b", ProbeProtocol.HTTP, "error"),
        ("/%zz", ProbeProtocol.HTTP, "error"),
        ("/a/../b", ProbeProtocol.HTTP, "error"),
        ('/";return 500;#', ProbeProtocol.HTTP, "error"),
        ("/a\n", ProbeProtocol.HTTP, "error"),
        ("/", ProbeProtocol.TCP, None),
        ("", ProbeProtocol.TCP, None),
        ("/healthz", ProbeProtocol.TCP, "warning"),
    ],
)
def test_probe_paths(path: str, protocol: ProbeProtocol, severity: str | None) -> None:
    problem = balancer.probe_path(path, protocol)
    assert (problem.severity if problem else None) == severity


def test_probe_numbers() -> None:
    assert balancer.probe_interval(5) is None
    assert balancer.probe_interval(4) is not None
    assert balancer.probe_threshold(1) is None
    assert balancer.probe_threshold(0) is not None


@pytest.mark.parametrize(("text", "hint"), [("West Europe", "westeurope"), ("eastus-2", "eastus2")])
def test_a_region_as_people_write_it_is_told_as_azure_writes_it(text: str, hint: str) -> None:
    problem = naming.location(text)
    assert problem is not None
    assert hint in problem.remedy


def test_every_expectation_that_is_none_is_a_problem_of_its_own() -> None:
    from wizard.plan import expectation

    good = ("p99<200ms", "errors<0.1%", "vms==2", "rps>500")
    assert list(expectation.check(good)) == []
    found = list(expectation.check((*good, "p98<1ms", "fast")))
    assert [problem.field for problem in found] == ["verification.expect"] * 2
    assert "p99" in found[0].remedy


@pytest.mark.parametrize(
    ("value", "legal"), [(8, True), (64000, True), (0, False), (7, False), (12, False), (64008, False)]
)
def test_outbound_ports(value: int, legal: bool) -> None:
    assert (outbound.ports(value) is None) is legal


@pytest.mark.parametrize(
    ("ports", "address", "count", "frontend", "legal"),
    [
        (32000, OutboundAddress.OWN, 2, 80, True),
        (32000, OutboundAddress.BALANCER, 2, 80, False),
        (31992, OutboundAddress.BALANCER, 2, 80, True),  # 80; 50001 and 50002 are in one range of eight
        (31992, OutboundAddress.BALANCER, 2, 50003, True),
        (1024, OutboundAddress.OWN, 62, 80, True),
        (1024, OutboundAddress.OWN, 63, 80, False),
        (320, OutboundAddress.OWN, 200, 80, True),
        (328, OutboundAddress.OWN, 200, 80, False),
    ],
)
def test_outbound_ports_of_all_machines(
    ports: int, address: OutboundAddress, count: int, frontend: int, legal: bool
) -> None:
    def judge(value: int, way: Outbound = Outbound.OUTBOUND_RULE) -> object:
        return outbound.ports_suffice(value, way, address, count, frontend, 50001)

    problem = outbound.ports_suffice(ports, Outbound.OUTBOUND_RULE, address, count, frontend, 50001)
    assert (problem is None) is legal
    if problem is not None:
        assert judge(int(problem.remedy.split()[1])) is None
    assert judge(ports, Outbound.NAT_GATEWAY) is None


def test_no_way_out_is_told_with_what_fails() -> None:
    assert outbound.no_way_out(Outbound.NAT_GATEWAY, "page") is None
    problem = outbound.no_way_out(Outbound.NONE, "page")
    assert problem is not None
    assert problem.severity == "warning"
    assert "nginx" in problem.why


def rule(**keys: object) -> Rule:
    return Rule.model_validate({"name": "mine", "priority": 300, **keys})


@pytest.mark.parametrize(
    ("entries", "word"),
    [
        ([rule()], ""),
        ([rule(ports=("80", "8000-8080"), source=("10.0.0.0/8", "192.0.2.1"))], ""),
        ([rule(), rule(name="other", direction="outbound")], ""),
        ([rule(name="")], "name"),
        ([rule(name="-a")], "name"),
        ([rule(name="allow-ssh-2")], "ours"),
        ([rule(priority=99)], "99"),
        ([rule(priority=4097)], "4097"),
        ([rule(), rule(priority=301)], "Two rules"),
        ([rule(), rule(name="other")], "priority 300"),
        ([rule(ports=("80-8",))], "not a port"),
        ([rule(ports=())], "not a port"),
        ([rule(ports=("65536",))], "not a port"),
        ([rule(protocol="icmp", ports=("80",))], "ICMP has none"),
        ([rule(source=())], "no source"),
        ([rule(source=("Internet", "10.0.0.1"))], "service tag"),
        ([rule(destination=("10.0.0.1/8",))], "destination"),
    ],
)
def test_security_rules(entries: list[Rule], word: str) -> None:
    found = [problem for problem in security.rules(entries) if problem.severity == "error"]
    if not word:
        assert found == []
    else:
        assert any(word in f"{problem.what} {problem.why}" for problem in found)


@pytest.mark.parametrize(
    ("entries", "allow_http", "lives"),
    [
        ([rule(ports=("80",))], ("Internet",), False),
        ([rule(ports=("22",))], ("Internet",), True),
        ([rule(source=("Internet",))], ("Internet",), True),
        ([rule(source=("168.63.0.0/16",))], ("Internet",), False),
        ([rule(source=("AzureLoadBalancer",), protocol="any")], ("Internet",), False),
        ([rule(protocol="udp")], ("Internet",), True),
        ([rule(destination=("10.9.0.0/24",))], ("Internet",), True),
        ([rule(direction="outbound")], ("Internet",), True),
        ([rule(access="allow")], ("Internet",), True),
        ([rule(), rule(priority=200, access="allow", source=("AzureLoadBalancer",))], ("Internet",), True),
        ([rule(), rule(priority=400, access="allow", source=("AzureLoadBalancer",))], ("Internet",), False),
        ([rule()], ("*",), True),
        ([rule(priority=100)], ("*",), False),
    ],
)
def test_a_rule_that_keeps_out_the_probe_is_pointed_out(
    entries: list[Rule], allow_http: tuple[str, ...], lives: bool
) -> None:
    problem = security.probe_lives(entries, allow_http, 80, "10.0.1.0/24")
    assert (problem is None) is lives
    assert problem is None or "168.63.129.16" in problem.why


@pytest.mark.parametrize(
    ("entries", "http", "admin", "told"),
    [
        ([rule(priority=100, ports=("22",))], ("Internet",), ("198.51.100.7/32",), ["sign in"]),
        ([rule(priority=100)], ("Internet",), ("198.51.100.7/32",), ["the page", "sign in"]),
        ([rule(priority=200)], ("Internet",), ("198.51.100.7/32",), []),  # ours come first
        ([rule(priority=100, ports=("3389",))], ("Internet",), ("198.51.100.7/32",), []),
        ([rule(priority=100, protocol="udp")], ("Internet",), ("198.51.100.7/32",), []),
        ([rule(priority=100, source=("198.51.100.0/24",))], ("Internet",), ("198.51.100.7/32",), ["sign in"]),
        ([rule(priority=100, source=("203.0.113.0/24",))], ("Internet",), ("198.51.100.7/32",), []),  # a scanner
        ([rule(priority=100, source=("Internet",))], ("Internet",), ("198.51.100.7/32",), ["the page", "sign in"]),
        (
            [rule(priority=101, ports=("22",)), rule(priority=100, access="allow", ports=("20-30",))],
            ("Internet",),
            ("198.51.100.7/32",),
            [],
        ),
    ],
)
def test_a_rule_that_keeps_out_who_is_let_in_gets_a_warning(
    entries: list[Rule], http: tuple[str, ...], admin: tuple[str, ...], told: list[str]
) -> None:
    found = list(security.guests_live(entries, http, admin, 80, OsType.LINUX, "10.0.1.0/24"))
    assert [each.severity for each in found] == ["warning"] * len(told)
    assert all(part in each.what for part, each in zip(told, found, strict=True))


def test_ours_make_room_for_rules_of_ones_own() -> None:
    assert security.ours([], 3) == [100, 110, 120]
    assert security.ours([rule(priority=100), rule(priority=115), rule(priority=120)], 3) == [110, 130, 140]
    assert security.ours([rule(priority=100, direction="outbound")], 1) == [100]


def test_a_rule_that_keeps_machines_from_packages_is_a_warning() -> None:
    assert security.fetching_lives([rule(direction="outbound", destination=("10.0.0.0/8",))]) is None
    problem = security.fetching_lives([rule(direction="outbound", destination=("Internet",))])
    assert problem is not None
    assert problem.severity == "warning"


def test_data_disks() -> None:
    def words(**keys: object) -> list[str]:
        return [problem.severity for problem in disks.data_disks([DataDisk.model_validate(keys)])]

    assert words() == []
    assert words(size_gb=0) == ["error"]
    assert words(size_gb=32767) == []
    assert words(size_gb=4096, caching="read-only") == ["error"]
    assert words(type="Premium") == ["error"]
    assert words(caching="read-write") == ["warning"]
    assert [problem.severity for problem in disks.data_disks([DataDisk()] * 65)] == ["error"]
    assert disks.os_disk_gb(0) is None
    assert disks.os_disk_gb(4096) is not None


def test_zones() -> None:
    assert list(zones.zones(("1", "3"))) == []
    assert len(list(zones.zones(()))) == 1
    assert len(list(zones.zones(("1", "4", "1")))) == 2
    assert zones.spread(2, ("1", "2"), Placement.ZONES) is None
    assert zones.spread(2, ("1",), Placement.AVAILABILITY_SET) is None
    for count, entries in ((2, ("1",)), (1, ("1", "2"))):
        problem = zones.spread(count, entries, Placement.ZONES)
        assert problem is not None
        assert "99.99" in problem.why
